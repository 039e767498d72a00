//! Where a vendor was told to call back, as its API keeps it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::calls::{CallbackKeys, Listener};

/// Webhooks, by their identifiers, in the order in which they were made.
#[derive(Default)]
pub(super) struct Webhooks(Mutex<Vec<(String, Value)>>);

impl Webhooks {
    fn kept(&self) -> MutexGuard<'_, Vec<(String, Value)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Value> {
        self.kept().iter().map(|(_, webhook)| webhook.clone()).collect()
    }

    pub(super) fn find(&self, id: &str) -> Option<Value> {
        self.kept().iter().find(|(have, _)| have == id).map(|(_, webhook)| webhook.clone())
    }

    /// Keeps a webhook, over the one of this identifier if there is one.
    pub(super) fn keep(&self, id: &str, webhook: Value) {
        let mut kept = self.kept();
        match kept.iter_mut().find(|(have, _)| have == id) {
            Some((_, old)) => *old = webhook,
            None => kept.push((id.to_owned(), webhook)),
        }
    }

    /// Where they lead, of those for which there are keys.
    pub(super) fn listeners(
        &self,
        url: &str,
        keys: impl Fn(&str, &Value) -> Option<Arc<CallbackKeys>>,
    ) -> Vec<Listener> {
        let kept = self.kept();
        let all = kept.iter().filter_map(|(id, webhook)| {
            let (url, keys) = (webhook[url].as_str()?.to_owned(), keys(id, webhook)?);
            Some(Listener { url, keys, name: id.clone() })
        });
        all.collect()
    }

    pub(super) fn remove(&self, id: &str) -> bool {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|(have, _)| have != id);
        kept.len() < before
    }
}

/// What `new` says over what `old` said.
pub(super) fn over(mut old: Value, new: &Value) -> Value {
    for (key, value) in new.as_object().into_iter().flatten() {
        old[key] = value.clone();
    }
    old
}

/// Whether a text is a URL that somebody can be called back at.
pub(super) fn is_url(text: &Value) -> bool {
    let url = text.as_str().and_then(|text| url::Url::parse(text).ok());
    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
