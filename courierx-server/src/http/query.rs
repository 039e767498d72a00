//! What a query asks for.

use std::collections::HashMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use courierx_core::clock::Timestamp;
use utoipa::IntoParams;

use super::{ApiError, Paging};
use crate::error::{FieldError, ServiceError, ServiceResult};

/// The parameters of a query, read one by one. What is wrong is collected and told at once by
/// [`finish`](Self::finish).
///
/// `Q` has a field for each of them, for the document of the API.
#[derive(Debug)]
pub struct Params<Q> {
    values: HashMap<String, Vec<String>>,
    wrong: Vec<FieldError>,
    described: PhantomData<fn() -> Q>,
}

impl<Q: IntoParams> Params<Q> {
    /// A text; an empty one counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        debug_assert!(Q::into_params(|| None).iter().any(|one| one.name == name), "{name} is not described");
        let mut values = self.values.remove(name)?;
        // Which of them is meant?
        if values.len() > 1 {
            self.wrong.push(FieldError::new(name, "is given more than once"));
            return None;
        }
        values.pop().filter(|value| !value.is_empty())
    }

    /// A value with a text form.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        text.parse().map_err(|error: T::Err| self.wrong.push(FieldError::new(name, error.to_string()))).ok()
    }

    /// A value that is read in a way of its own.
    pub fn read<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, FieldError>) -> Option<T> {
        let text = self.text(name)?;
        read(&text).map_err(|error| self.wrong.push(error)).ok()
    }

    /// A moment, or the beginning of a day.
    pub fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse::<Timestamp>());
        moment.map_err(|error| self.wrong.push(FieldError::new(name, format!("is {error}")))).ok()
    }

    /// A day, by its first moment.
    pub fn day(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let whole = (text.len() == "2026-03-22".len()).then(|| format!("{text}T00:00:00Z").parse().ok());
        let day = whole.flatten();
        if day.is_none() {
            self.wrong.push(FieldError::new(name, "must be a date, such as 2026-03-22"));
        }
        day
    }

    /// The end of a time: a moment, or the end of a day.
    pub fn end(&mut self, name: &str) -> Option<Timestamp> {
        let is_day = self.values.get(name).is_some_and(|text| text.len() == "2026-03-22".len());
        let moment = self.moment(name)?;
        Some(if is_day { moment.after(Duration::from_hours(24)) } else { moment })
    }

    /// Which page.
    pub fn paging(&mut self) -> Paging {
        let number = |params: &mut Self, name: &str| {
            let text = params.text(name)?;
            text.parse().map_err(|_| params.wrong.push(FieldError::new(name, "must be a whole number"))).ok()
        };
        Paging { page: number(self, "page"), per_page: number(self, "per_page") }
    }

    /// Refuses the request if anything that was read is wrong.
    pub fn finish(self) -> ServiceResult<()> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(self.wrong)) }
    }
}

impl<S: Send + Sync, Q> FromRequestParts<S> for Params<Q> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) =
            query.map_err(|_| ServiceError::BadRequest("the query cannot be read".to_owned()))?;
        let mut params = Self { values: HashMap::new(), wrong: Vec::new(), described: PhantomData };
        for (name, value) in pairs {
            // What stands for bytes that are no text.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(ServiceError::BadRequest("the query is not valid UTF-8".to_owned()).into());
            }
            params.values.entry(name).or_default().push(value);
        }
        Ok(params)
    }
}
