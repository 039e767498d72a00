//! What an emulator calls back: what becomes of the messages that it took, signed as its vendor signs.

mod happening;
mod keys;
mod listener;
mod sns;

use std::collections::VecDeque;

use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use courierx_core::provider::conformance::Received;

pub use happening::Fate;
pub(super) use happening::{Happened, Happening};
pub use keys::CallbackKeys;
pub(super) use listener::Listener;

use super::Emulator;
use crate::http::Http;

/// Messages that are remembered for callbacks nobody asked for yet: an emulator may run for long.
const MOST: usize = 10_000;

/// What has to be called back.
#[derive(Default)]
pub(super) struct Calls {
    /// Messages, and what the vendor calls them.
    taken: VecDeque<(Received, String)>,
    /// Callbacks that were not taken.
    again: Vec<Callback>,
    /// The same, of those that go where a vendor was told to call back.
    again_there: Vec<(String, Callback)>,
    /// How many events there were.
    events: u64,
}

impl Calls {
    pub(super) fn take(&mut self, message: Received, id: String) {
        if self.taken.len() == MOST {
            self.taken.pop_front();
        }
        self.taken.push_back((message, id));
    }

    pub(super) fn clear(&mut self) {
        (self.taken, self.again, self.again_there) = Default::default();
    }

    /// What became of the messages that were taken since, for each of their recipients.
    fn happenings(&mut self, now: Timestamp) -> Vec<Happening> {
        let mut all = Vec::new();
        for (message, id) in self.taken.drain(..) {
            for recipient in message.recipients() {
                for kind in happening::of_recipient(recipient) {
                    self.events += 1;
                    all.push(Happening {
                        kind: *kind,
                        message: message.clone(),
                        recipient: recipient.to_owned(),
                        id: id.clone(),
                        at: now,
                        number: self.events,
                    });
                }
            }
        }
        all
    }
}

impl Emulator {
    /// The callbacks for what it took since they were asked for, signed with these keys at `now`. What becomes of a
    /// message is told by its recipients' addresses: [`Fate`].
    pub fn take_callbacks(&self, keys: &CallbackKeys, now: Timestamp) -> Vec<Callback> {
        let mut state = self.shared.lock();
        let happened = state.calls.happenings(now);
        drop(state);
        let vendor = &self.shared.vendor;
        keys.sign(happened.iter().filter_map(|one| vendor.report(one)).collect(), now)
    }

    /// Posts the callbacks for what it took since to this URL, and those that were not taken the last time: the status
    /// of each answer, 0 if there was none.
    pub async fn call_back(&self, url: &str, keys: &CallbackKeys, now: Timestamp) -> Vec<u16> {
        let mut calls = std::mem::take(&mut self.shared.lock().calls.again);
        calls.extend(self.take_callbacks(keys, now));
        let mut statuses = Vec::with_capacity(calls.len());
        for call in calls {
            let status = Http::shared().post_callback(url, &call).await.unwrap_or(0);
            if !(200..300).contains(&status) {
                self.shared.lock().calls.again.push(call);
            }
            statuses.push(status);
        }
        statuses
    }

    /// Calls back wherever it was told to by its API, as `CallbackSetup` does it, signed with the keys that it told
    /// there: where each callback went and the status of its answer, 0 if there was none. Those that were not taken
    /// the last time go first. SES asks a new endpoint whether it agrees, and tells it nothing before.
    pub async fn call_back_where_told(&self, now: Timestamp) -> Vec<(String, u16)> {
        let calls = std::mem::take(&mut self.shared.lock().calls.again_there);
        let vendor = &self.shared.vendor;
        let mut told = self.post_each(calls).await;
        told.extend(self.post_each(vendor.greetings(now)).await);
        let happened = self.shared.lock().calls.happenings(now);
        for listener in vendor.listeners() {
            let heard = happened.iter().filter(|one| vendor.tells(&listener, one));
            let reports = heard.filter_map(|one| vendor.report(one)).collect();
            let calls = listener.keys.sign(reports, now);
            told.extend(self.post_each(calls.into_iter().map(|call| (listener.url.clone(), call))).await);
        }
        told
    }

    async fn post_each(&self, calls: impl IntoIterator<Item = (String, Callback)>) -> Vec<(String, u16)> {
        let mut told = Vec::new();
        for (url, call) in calls {
            let status = Http::shared().post_callback(&url, &call).await.unwrap_or(0);
            if !(200..300).contains(&status) {
                self.shared.lock().calls.again_there.push((url.clone(), call));
            }
            told.push((url, status));
        }
        told
    }
}
