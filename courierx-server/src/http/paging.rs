//! Lists in pages, as the query asks for them and the headers tell.

use std::marker::PhantomData;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::openapi::{Answers, Operation};
use super::room::held;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::pages::Total;
use crate::services::reading::Reading;

/// Items to a page if nothing else is asked for, and at most.
const PER_PAGE: (u32, u32) = (25, 100);
/// How far into a list pages go; beyond, filters and cursors are the way.
pub(crate) const DEEPEST: u64 = 10_000;

/// Which page is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paging {
    /// The page, from 1.
    pub(super) page: Option<u32>,
    /// How many items a page has, 1 to 100.
    pub(super) per_page: Option<u32>,
}

impl Paging {
    /// The page, from 1.
    pub fn page(self) -> u32 {
        self.page.unwrap_or(1)
    }

    /// How many items a page has.
    pub fn per_page(self) -> u32 {
        self.per_page.unwrap_or(PER_PAGE.0)
    }

    /// How many items stand before the page; refuses numbers that make no page.
    pub fn skip(self) -> ServiceResult<usize> {
        let mut wrong = Vec::new();
        if !(1..=PER_PAGE.1).contains(&self.per_page()) {
            wrong.push(FieldError::new("per_page", format!("must be from 1 to {}", PER_PAGE.1)));
        }
        let skip = u64::from(self.page().saturating_sub(1)) * u64::from(self.per_page());
        if self.page() == 0 || skip >= DEEPEST {
            let text = format!("must be from 1, and within the first {DEEPEST} items; use filters beyond");
            wrong.push(FieldError::new("page", text));
        }
        if wrong.is_empty() {
            Ok(usize::try_from(skip).unwrap_or(usize::MAX))
        } else {
            Err(ServiceError::Invalid(wrong))
        }
    }
}

/// One page of a list, as an answer: a bare array, with the numbers in headers.
#[derive(Debug)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: Total,
    /// Which page it is.
    pub paging: Paging,
}

impl<T> Paged<T> {
    /// A list that is short enough to be answered whole.
    pub fn whole(items: Vec<T>) -> Self {
        let count = items.len();
        let per_page = u32::try_from(count.max(1)).ok();
        let paging = Paging { page: None, per_page };
        Self { items, total: Total { count: count as u64, exact: true }, paging }
    }
}

/// A query for a page, and nothing else.
#[derive(Debug, IntoParams)]
pub struct Pages {
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// A page that is written, as a handler's answer.
#[derive(Debug)]
pub struct Page<T>(Response, PhantomData<fn(T)>);

impl<T> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: ToSchema> Answers for Page<T> {
    fn tell(operation: &mut Operation) {
        let item = operation.schema::<T>();
        let list = json!({ "type": "array", "items": item });
        operation.answer(200, "A page, or all of them", Some(("application/json", list)));
        for (header, component) in [
            ("X-Total-Count", "TotalCount"),
            ("X-Page", "Page"),
            ("X-Per-Page", "PerPage"),
            ("X-Total-Pages", "TotalPages"),
        ] {
            operation.answer_header(200, header, component);
        }
    }
}

impl<T: Serialize> Paged<T> {
    /// The answer.
    pub fn answer(self) -> Page<T> {
        Page((self.headers(), Json(self.items)).into_response(), PhantomData)
    }

    /// The same, of what was read of mail.
    pub(super) fn read(self, reading: Reading) -> ServiceResult<Page<T>> {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let body = held(&self.items, reading)?;
        Ok(Page((self.headers(), json, body).into_response(), PhantomData))
    }

    fn headers(&self) -> HeaderMap {
        let per_page = u64::from(self.paging.per_page());
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        set("x-total-count", self.total.count);
        set("x-page", self.paging.page().into());
        set("x-per-page", per_page);
        set("x-total-pages", self.total.count.div_ceil(per_page.max(1)));
        if !self.total.exact {
            headers.insert("x-total-count-exact", HeaderValue::from_static("false"));
        }
        headers
    }
}
