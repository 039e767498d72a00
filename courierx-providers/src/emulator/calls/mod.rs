//! What an emulator calls back: what becomes of the messages that it took, signed as its vendor signs.

mod happening;
mod keys;

use std::collections::VecDeque;

use courierx_core::clock::Timestamp;
use courierx_core::provider::Callback;
use courierx_core::provider::conformance::Received;

pub use happening::Fate;
pub(super) use happening::{Happened, Happening};
pub use keys::CallbackKeys;

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
        (self.taken, self.again) = Default::default();
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
}
