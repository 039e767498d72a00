//! Suppressions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{identified, query};
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Who gets no mail.
#[derive(Debug, Clone, Copy)]
pub struct Suppressions<'a>(pub(crate) &'a Transport);

/// An entry to add.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewSuppression {
    /// An address, or `@example.com` for everybody there.
    pub email: String,
    /// `bounce`, `complaint`, `unsubscribe` or, if none, `manual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which mail it holds back; all of it if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl From<&str> for NewSuppression {
    fn from(email: &str) -> Self {
        Self { email: email.to_owned(), ..Self::default() }
    }
}

/// An entry.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Suppression {
    pub id: String,
    pub email: String,
    pub reason: String,
    /// Which mail it holds back; all of it if none.
    pub topic: Option<String>,
    pub note: Option<String>,
    pub source: String,
    pub source_email_id: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// Which entries a list has.
#[derive(Debug, Clone, Default)]
pub struct SuppressionFilter {
    pub reason: Option<String>,
    /// About this topic; about any and about all mail if none.
    pub topic: Option<String>,
    pub email: Option<String>,
}

identified!(Suppression);

impl<'a> Suppressions<'a> {
    /// Those that fit.
    pub fn list(&self, filter: SuppressionFilter) -> Pages<'a, Suppression> {
        let query = query(&[("reason", filter.reason), ("topic", filter.topic), ("email", filter.email)]);
        Pages::new(self.0, &["suppressions"], query)
    }

    /// Adds an address, alone or with a reason.
    pub async fn create(&self, entry: impl Into<NewSuppression>) -> Result<Suppression, Error> {
        self.0.ask(Request::make(&["suppressions"]).body(&entry.into())?).await
    }

    /// Removes an entry.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&["suppressions", id])).await.map(drop)
    }
}
