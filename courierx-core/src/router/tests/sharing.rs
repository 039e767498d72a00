//! What processes tell each other.

use super::super::breaker::{Breaker, Signal, Transition};
use super::super::known::SharedHealth;
use super::*;
use crate::store::Window;

/// What a breaker says after hand-overs that went like this, successes one each minute.
fn said(signals: &[Signal]) -> SharedHealth {
    let breaker = Breaker::default();
    let mut at = NOW;
    for signal in signals {
        if *signal == Signal::Success {
            at = at.after(Duration::from_mins(1));
        }
        let ticket = breaker.begin(at, false).unwrap();
        let _ = breaker.end(ticket, *signal, at, 0.5);
    }
    let mut health = SharedHealth::default();
    health.breaker = breaker.shared();
    health
}

#[test]
fn of_transitions_that_several_find_out_people_hear_in_turn() {
    let until = NOW.after(Duration::from_secs(15));
    let (opened, reopened) = (Transition::Opened { until }, Transition::Reopened { until });
    let nothing = SharedHealth::default();
    let open = said(&[Signal::Failure; 5]);
    let closed = said(&[[Signal::Failure; 5].as_slice(), &[Signal::Success; 3]].concat());
    for (said, [to_open, to_reopen, to_close]) in [
        (nothing, [Some(opened), Some(reopened), Some(Transition::Closed)]),
        (open, [None, Some(reopened), Some(Transition::Closed)]),
        // A probe that failed after others had found that it works is a new failure.
        (closed, [Some(opened), Some(opened), None]),
    ] {
        assert_eq!(said.news(opened), to_open, "{said:?}");
        assert_eq!(said.news(reopened), to_reopen, "{said:?}");
        assert_eq!(said.news(Transition::Closed), to_close, "{said:?}");
    }
}

#[test]
fn of_two_quotas_for_one_window_the_smaller_counts() {
    let [day, month] = [Window::UtcDay, Window::CalendarMonth];
    let quotas = [Quota::new(day, 9), Quota::new(month, 20), Quota::new(day, 5)];
    let connection = connection("a").with_quotas(quotas);
    assert_eq!(connection.quotas(), [Quota::new(day, 5), Quota::new(month, 20)]);
}
