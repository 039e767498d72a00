//! HTTP, as every adapter to a vendor's API uses it.
//!
//! [`Http`] is the client. What an adapter adds is its request, and a table of [`Rule`]s by which an error of
//! the vendor's becomes a reason.

mod answer;
mod apart;
mod base_url;
mod batch;
mod blame;
mod body;
mod client;
mod exchange;
mod fetch;
pub(crate) mod json;
mod notify;
mod page;
mod rules;

pub(crate) use answer::Answer;
pub(crate) use apart::{Row, blames_a_message, send_apart};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub(crate) use batch::batches;
pub(crate) use blame::{blame, named};
pub use client::{Http, HttpBuilder, HttpError};
pub(crate) use exchange::{NoAnswer, Request};
pub use fetch::{FetchError, Fetched};
pub use notify::Notified;
pub(crate) use page::{is_page, stranger, unreadable};
pub use rules::{Rule, Status};
pub(crate) use rules::{VendorError, refusal, refused};

/// Gives an adapter what every vendor's has: another address of its API, and a client of one's own.
macro_rules! reachable {
    ($adapter:ident) => {
        impl $adapter {
            /// Talks to this address instead of the vendor's: a gateway, an emulator.
            #[must_use]
            pub fn base_url(mut self, url: $crate::http::BaseUrl) -> Self {
                self.base_url = url;
                self
            }

            /// Uses this client instead of the one that all providers share.
            #[must_use]
            pub fn http(mut self, http: $crate::http::Http) -> Self {
                self.http = http;
                self
            }
        }
    };
}
pub(crate) use reachable;
