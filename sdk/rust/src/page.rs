//! Lists in pages.

use std::collections::BTreeSet;
use std::ops::Deref;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::error::text_of;
use crate::transport::{Request, Transport};

/// Items to a page for who reads them all.
const MOST_PER_PAGE: u32 = 100;

/// One page of a list: its items, and how much there is besides.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Items on all pages.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: u32,
    /// How many pages there are.
    pub total_pages: u32,
}

impl<T> Page<T> {
    fn new(items: Vec<T>, headers: &HeaderMap) -> Self {
        let total = number(headers, "x-total-count").unwrap_or(items.len() as u64);
        let small = |name| number(headers, name).and_then(|number| u32::try_from(number).ok()).unwrap_or(1);
        Self { items, total, page: small("x-page"), total_pages: small("x-total-pages") }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text_of(headers, name)?.parse().ok()
}

impl<T> Deref for Page<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for Page<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

/// What has an identifier. Only this crate can name it.
pub trait Identified {
    fn id(&self) -> &str;
}

/// A list that is read page by page: [`page`](Self::page) gives one, [`next`](Self::next) every item of all of them.
#[derive(Debug)]
#[must_use = "nothing is asked before `page`, `next` or `all`"]
pub struct Pages<'a, T> {
    transport: &'a Transport,
    path: &'static [&'static str],
    filter: Vec<(&'static str, String)>,
    per_page: Option<u32>,
    next: u32,
    /// Items that were read and not given out, the next one at the end.
    items: Vec<T>,
    before: BTreeSet<String>,
    finished: bool,
}

impl<'a, T: DeserializeOwned + Identified> Pages<'a, T> {
    pub(crate) fn new(
        transport: &'a Transport,
        path: &'static [&'static str],
        filter: Vec<(&'static str, String)>,
    ) -> Self {
        let (items, before) = (Vec::new(), BTreeSet::new());
        Self { transport, path, filter, per_page: None, next: 1, items, before, finished: false }
    }

    /// Items to a page, 1 to 100.
    pub fn per_page(mut self, count: u32) -> Self {
        self.per_page = Some(count);
        self
    }

    /// One page, from 1.
    pub async fn page(&self, number: u32) -> Result<Page<T>, Error> {
        self.load(number, self.per_page).await
    }

    /// The next item of all pages.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        while self.items.is_empty() && !self.finished {
            let page = self.load(self.next, Some(self.per_page.unwrap_or(MOST_PER_PAGE))).await?;
            self.finished = self.next >= page.total_pages || page.is_empty();
            self.next += 1;
            let ids = page.iter().map(|item| item.id().to_owned()).collect();
            let before = std::mem::replace(&mut self.before, ids);
            // What is new stands at the top, and moves the rest on to the next page while this one is read.
            self.items = page.into_iter().filter(|item| !before.contains(item.id())).collect();
            self.items.reverse();
        }
        Ok(self.items.pop())
    }

    /// Everything at once.
    pub async fn all(mut self) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while let Some(item) = self.next().await? {
            all.push(item);
        }
        Ok(all)
    }

    async fn load(&self, number: u32, per_page: Option<u32>) -> Result<Page<T>, Error> {
        let mut query = self.filter.clone();
        query.push(("page", number.to_string()));
        query.extend(per_page.map(|count| ("per_page", count.to_string())));
        let answer = self.transport.send(Request::get(self.path).query(query)).await?;
        Ok(Page::new(answer.read()?, &answer.headers))
    }
}
