//! A connection's quotas: how many recipients it may be handed in a day or a month.
//!
//! They are reserved before the wire and given back only if a recipient was certainly not sent to. Where there is a
//! store, its counters decide, for all processes together; without one, what this process counts.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConnectionId;
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::store::{Reservation, Window};
use crate::sync::{Mutex, PoisonError};

/// So many recipients in a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quota {
    /// Over which time.
    pub window: Window,
    /// How many.
    pub cap: u64,
}

impl Quota {
    /// So many in each of these windows.
    pub const fn new(window: Window, cap: u64) -> Self {
        Self { window, cap }
    }

    /// The name under which a store counts what is used of a connection's quotas.
    pub fn counter(connection: &ConnectionId) -> String {
        format!("connection/{connection}")
    }

    /// What `amount` recipients take of it.
    pub fn reservation(self, tenant: TenantId, connection: &ConnectionId, amount: u64) -> Reservation {
        Reservation { tenant, name: Self::counter(connection), window: self.window, cap: self.cap, amount }
    }
}

/// How long it is believed that there is no room: whoever has it may give it back before the window ends, and who
/// pays for it may raise the cap.
const BELIEVED: Duration = Duration::from_mins(1);
/// How soon the end of a window is at least, whatever a store's clock says.
const SOONEST: Duration = Duration::from_secs(1);

/// That a connection's quotas are used up, and until when. Of other quotas that has to be found out anew.
#[derive(Debug, Default)]
pub(crate) struct Full(Mutex<Option<Noted>>);

#[derive(Debug)]
struct Noted {
    quotas: Arc<[Quota]>,
    believed_until: Timestamp,
    resets_at: Timestamp,
}

impl Full {
    /// Forgets it: room was given back.
    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes note that there is no room in one of these, and that its window ends at this moment.
    pub(crate) fn note(&self, quotas: &Arc<[Quota]>, resets_at: Timestamp, now: Timestamp) {
        let resets_at = resets_at.max(now.after(SOONEST));
        let believed_until = resets_at.min(now.after(BELIEVED));
        let noted = Noted { quotas: Arc::clone(quotas), believed_until, resets_at };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
    }

    /// When the window ends that is believed to have no room; none if there may be room in all of these.
    pub(crate) fn until(&self, quotas: &[Quota], now: Timestamp) -> Option<Timestamp> {
        if quotas.is_empty() {
            return None;
        }
        let full = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        full.as_ref()
            .filter(|one| *one.quotas == *quotas && one.believed_until > now)
            .map(|one| one.resets_at)
    }
}

/// What this process handed over, for those who send without a store.
#[derive(Debug, Default)]
pub(crate) struct Used(Mutex<Vec<Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    window: Window,
    start: Timestamp,
    used: u64,
}

/// What was taken of the quotas, to be given back if it was not needed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Taken {
    buckets: Vec<(Window, Timestamp)>,
}

impl Used {
    /// Takes so many of every quota, or of none: then it answers when there is room again.
    pub(crate) fn take(&self, quotas: &[Quota], amount: u64, now: Timestamp) -> Result<Taken, Timestamp> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|bucket| bucket.start >= bucket.window.oldest_bucket(now));
        for quota in quotas {
            let used: u64 = all.iter().filter(|one| one.window == quota.window).map(|one| one.used).sum();
            if used.saturating_add(amount) > quota.cap {
                return Err(quota.window.resets_at(now));
            }
        }
        let mut buckets: Vec<(Window, Timestamp)> = Vec::new();
        for window in quotas.iter().map(|quota| quota.window) {
            let start = window.bucket(now);
            // Two quotas of one window count the same recipients.
            if buckets.contains(&(window, start)) {
                continue;
            }
            buckets.push((window, start));
            match all.iter_mut().find(|one| one.window == window && one.start == start) {
                Some(bucket) => bucket.used += amount,
                None => all.push(Bucket { window, start, used: amount }),
            }
        }
        Ok(Taken { buckets })
    }

    /// Gives so many back that were certainly not sent to.
    pub(crate) fn give_back(&self, taken: Taken, amount: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (window, start) in taken.buckets {
            if let Some(bucket) = all.iter_mut().find(|one| one.window == window && one.start == start) {
                bucket.used = bucket.used.saturating_sub(amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_quota_has_to_have_room_and_what_was_not_sent_comes_back() {
        let now: Timestamp = "2028-02-29T13:45:00Z".parse().unwrap();
        let used = Used::default();
        let quotas = [Quota::new(Window::UtcDay, 5), Quota::new(Window::CalendarMonth, 8)];
        let first = used.take(&quotas, 5, now).unwrap();
        let tomorrow: Timestamp = "2028-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(used.take(&quotas, 1, now).err(), Some(tomorrow));
        used.give_back(first, 2);
        let _taken = used.take(&quotas, 2, now).unwrap();
        assert!(used.take(&quotas, 1, now).is_err());
        // The month is new as well.
        let _taken = used.take(&quotas, 5, tomorrow).unwrap();
        let next = tomorrow.after(Duration::from_hours(24));
        assert_eq!(used.take(&quotas, 4, next).err(), Some("2028-04-01T00:00:00Z".parse().unwrap()));
        let _taken = used.take(&quotas, 3, next).unwrap();
    }

    #[test]
    fn what_is_used_up_is_so_until_it_is_renewed_or_changed() {
        let now: Timestamp = "2028-02-29T13:45:00Z".parse().unwrap();
        let until = Window::UtcDay.resets_at(now);
        let quotas: Arc<[Quota]> = [Quota::new(Window::UtcDay, 5)].into();
        let full = Full::default();
        assert_eq!(full.until(&quotas, now), None);
        full.note(&quotas, until, now);
        assert_eq!(full.until(&quotas, now), Some(until));
        assert_eq!(full.until(&[Quota::new(Window::UtcDay, 6)], now), None);
        assert_eq!(full.until(&[], now), None);
        full.clear();
        assert_eq!(full.until(&quotas, now), None);
    }

    #[test]
    fn that_there_is_no_room_is_believed_for_a_minute_at_most() {
        let now: Timestamp = "2028-02-29T13:45:00Z".parse().unwrap();
        let seconds = |seconds| now.after(Duration::from_secs(seconds));
        let quotas: Arc<[Quota]> = [Quota::new(Window::CalendarMonth, 5)].into();
        let full = Full::default();
        let month = Window::CalendarMonth.resets_at(now);
        full.note(&quotas, month, now);
        assert_eq!((full.until(&quotas, seconds(59)), full.until(&quotas, seconds(60))), (Some(month), None));
        full.note(&quotas, seconds(20), now);
        assert_eq!(
            (full.until(&quotas, seconds(19)), full.until(&quotas, seconds(20))),
            (Some(seconds(20)), None)
        );
        full.note(&quotas, now.before(Duration::from_secs(5)), now);
        assert_eq!(full.until(&quotas, now), Some(seconds(1)));
    }

    #[test]
    fn the_last_24_hours_move() {
        let now: Timestamp = "2028-02-29T13:45:00Z".parse().unwrap();
        let used = Used::default();
        let quotas = [Quota::new(Window::Rolling24Hours, 2)];
        let _taken = used.take(&quotas, 1, now).unwrap();
        let _taken = used.take(&quotas, 1, now.after(Duration::from_hours(3))).unwrap();
        assert!(used.take(&quotas, 1, now.after(Duration::from_hours(24))).is_err());
        let _taken = used.take(&quotas, 1, now.after(Duration::from_hours(25))).unwrap();
        assert!(used.take(&quotas, 1, now.after(Duration::from_hours(26))).is_err());
    }
}
