//! The rules of the breaker, one by one and at random.

use proptest::prelude::*;

use super::*;

const IN_A_ROW: u32 = 5;
const START: Timestamp = Timestamp::from_secs(1_000_000);

fn at(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn hand_over(breaker: &Breaker, signal: Signal, now: Timestamp) -> Option<Transition> {
    let ticket = breaker.begin(now, false).expect("it allows a hand-over");
    breaker.end(ticket, signal, now, 0.5)
}

fn opened() -> Breaker {
    let breaker = Breaker::default();
    for failure in 1..=IN_A_ROW {
        let transition = hand_over(&breaker, Signal::Failure, START);
        assert_eq!(transition.is_some(), failure == IN_A_ROW);
    }
    breaker
}

#[test]
fn five_failures_in_a_row_open_it_and_a_success_in_between_does_not() {
    let breaker = Breaker::default();
    for _ in 0..3 {
        for _ in 1..IN_A_ROW {
            assert_eq!(hand_over(&breaker, Signal::Failure, START), None);
        }
        // Neutral answers neither count nor end the row.
        assert_eq!(hand_over(&breaker, Signal::Neutral, START), None);
        // Enough successes that half of them never fail.
        for _ in 0..2 * IN_A_ROW {
            assert_eq!(hand_over(&breaker, Signal::Success, START), None);
        }
    }
    let breaker = opened();
    assert_eq!(breaker.permission(START), Permission::No { until: at(15), probe_at: at(15) });
    assert_eq!(breaker.begin(START, false), None);
}

#[test]
fn more_than_half_of_twenty_in_a_minute_open_it() {
    let breaker = Breaker::default();
    let mut opened = None;
    for n in 0..30 {
        // Every third succeeds: never five failures in a row.
        let signal = if n % 3 == 0 { Signal::Success } else { Signal::Failure };
        if hand_over(&breaker, signal, at(n)).is_some() {
            opened = Some(n);
            break;
        }
    }
    assert_eq!(opened, Some(19), "the twentieth");
    // The same, so slowly that a minute never sees twenty.
    let breaker = Breaker::default();
    for n in 0..100 {
        let signal = if n % 3 == 0 { Signal::Success } else { Signal::Failure };
        assert_eq!(hand_over(&breaker, signal, at(n * 4)), None);
    }
}

#[test]
fn one_probe_at_a_time_and_three_close_it() {
    let breaker = opened();
    assert_eq!(breaker.permission(at(15)), Permission::Probe);
    for probe in 1..=PROBES {
        let ticket = breaker.begin(at(20), false).expect("a probe");
        assert!(matches!(breaker.permission(at(20)), Permission::No { .. }), "the second has to wait");
        assert_eq!(breaker.begin(at(20), false), None);
        let transition = breaker.end(ticket, Signal::Success, at(20), 0.5);
        assert_eq!(transition, (probe == PROBES).then_some(Transition::Closed));
    }
    for (seconds, share) in [(20, 0.1), (39, 0.1), (40, 0.25), (60, 0.5), (80, 1.0), (9999, 1.0)] {
        assert_eq!(breaker.permission(at(seconds)), Permission::Yes { share }, "{seconds}");
    }
}

#[test]
fn a_failed_probe_doubles_the_time_up_to_ten_minutes() {
    let breaker = opened();
    let mut now = at(15);
    for seconds in [30, 60, 120, 240, 480, 600, 600] {
        let until = now.after(Duration::from_secs(seconds));
        assert_eq!(hand_over(&breaker, Signal::Failure, now), Some(Transition::Reopened { until }));
        now = until;
    }
}

#[test]
fn without_another_way_a_probe_goes_ahead_and_is_paced() {
    let breaker = opened();
    hand_over(&breaker, Signal::Failure, at(15));
    let Permission::No { until, probe_at } = breaker.permission(at(16)) else { panic!("it is open") };
    assert_eq!((until, probe_at), (at(45), at(30)));
    assert_eq!(breaker.begin(at(29), true), None, "not that soon");
    let ticket = breaker.begin(at(30), true).expect("ahead of its time");
    assert_eq!(breaker.begin(at(30), true), None, "one at a time");
    assert!(breaker.end(ticket, Signal::Failure, at(30), 0.5).is_some());
}

#[test]
fn a_probe_that_tells_nothing_makes_room_for_the_next() {
    let breaker = opened();
    let ticket = breaker.begin(at(15), false).expect("a probe");
    assert_eq!(breaker.end(ticket, Signal::Neutral, at(15), 0.5), None);
    assert_eq!(breaker.permission(at(15)), Permission::Probe);
    // One that never comes back is given up.
    let lost = breaker.begin(at(16), false).expect("a probe");
    let late = at(16).after(PROBE_LASTS);
    assert_eq!(breaker.permission(late), Permission::Probe);
    assert!(breaker.begin(late, false).is_some());
    assert_eq!(breaker.end(lost, Signal::Neutral, late, 0.5), None);
}

#[test]
fn results_from_before_a_transition_are_old_news() {
    let breaker = Breaker::default();
    let old: Vec<_> = (0..20).map(|_| breaker.begin(START, false).expect("closed")).collect();
    let mut transitions = 0;
    for ticket in &old {
        transitions += usize::from(breaker.end(*ticket, Signal::Failure, START, 0.5).is_some());
    }
    assert_eq!(transitions, 1, "twenty at once open it once");
    for _ in 0..PROBES {
        hand_over(&breaker, Signal::Success, at(15));
    }
    for ticket in old {
        assert_eq!(breaker.end(ticket, Signal::Failure, at(16), 0.5), None);
    }
    assert!(matches!(breaker.permission(at(16)), Permission::Yes { .. }));
}

proptest! {
    /// Whatever happens: transitions alternate, it never stays shut for more than eleven minutes, never has two
    /// probes, and neutral answers alone change nothing.
    #[test]
    fn it_always_opens_and_closes_in_turn(
        steps in proptest::collection::vec((0_u64..120, 0_u8..5, any::<bool>()), 1..400),
    ) {
        let breaker = Breaker::default();
        let mut now = START;
        let mut open = false;
        let mut under_way: Vec<Ticket> = Vec::new();
        for (seconds, action, ahead) in steps {
            now = now.after(Duration::from_secs(seconds));
            match breaker.permission(now) {
                Permission::No { until, probe_at } => {
                    prop_assert!(until.since(now) <= Duration::from_mins(11));
                    prop_assert!(until > now);
                    prop_assert!(probe_at <= until.max(now.after(PROBE_LASTS)));
                }
                Permission::Yes { share } => prop_assert!(share > 0.0 && share <= 1.0 && !open),
                Permission::Probe => prop_assert!(open),
            }
            match action {
                0 | 1 => under_way.extend(breaker.begin(now, ahead)),
                _ => {
                    let Some(ticket) = under_way.pop() else { continue };
                    let signal = [Signal::Success, Signal::Failure, Signal::Neutral][usize::from(action) - 2];
                    match breaker.end(ticket, signal, now, 0.5) {
                        None => {}
                        Some(Transition::Closed) => {
                            prop_assert!(open && signal == Signal::Success);
                            open = false;
                        }
                        Some(Transition::Opened { until }) => {
                            prop_assert!(!open && signal == Signal::Failure && until > now);
                            open = true;
                        }
                        Some(Transition::Reopened { until }) => {
                            prop_assert!(open && signal == Signal::Failure && until > now);
                        }
                    }
                }
            }
        }
    }
}
