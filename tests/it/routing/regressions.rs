//! Scenarios that told of a defect, as small as they could be made, and stay repaired.

use courierx::Lane::Transactional;
use courierx::store::Window::{self, Rolling24Hours, UtcDay};

use super::scenario::Weather::Dark;
use super::scenario::{Line, Mail, Scenario, Spell};

pub(super) fn all() -> Vec<Scenario> {
    vec![a_rolling_day_was_an_hour_short(), what_was_told_was_forgotten_within_the_hour()]
}

/// What a rolling day's first hour had taken was forgotten before the day was over.
fn a_rolling_day_was_an_hour_short() -> Scenario {
    let mails = [(10, 0, 2), (10, 0, 2), (10, 0, 2), (10, 0, 2), (10, 0, 2), (83_410, 0, 1)];
    Scenario {
        seed: 60,
        processes: 1,
        midnight: 600,
        strategy: None,
        hasty: false,
        lines: vec![line(100, (Rolling24Hours, 10), Vec::new())],
        mails: mails.map(mail).to_vec(),
        crashes: Vec::new(),
    }
}

/// A process that had been idle for more than an hour found that a connection works, as others had, and told it
/// again.
fn what_was_told_was_forgotten_within_the_hour() -> Scenario {
    let first = [(2, 0, 1), (4, 1, 1), (25, 1, 2), (26, 1, 3), (35, 0, 3)];
    let then = [(180, 1, 1), (189, 1, 1), (215, 1, 1), (235, 0, 2), (298, 1, 1)];
    Scenario {
        seed: 1009,
        processes: 2,
        midnight: 212,
        strategy: None,
        hasty: true,
        lines: vec![line(1, (UtcDay, 11), vec![Spell { from: 222, to: 505, weather: Dark }])],
        mails: [first, then].concat().into_iter().map(mail).collect(),
        crashes: Vec::new(),
    }
}

fn line(recipients: usize, quota: (Window, u64), weather: Vec<Spell>) -> Line {
    Line {
        priority: 1,
        weight: 1,
        failover_only: false,
        draining: false,
        in_flight: 32,
        recipients,
        keyed: false,
        tells: false,
        rate: None,
        quota: Some(quota),
        weather,
    }
}

fn mail((at, process, recipients): (u32, usize, u32)) -> Mail {
    Mail {
        at,
        process,
        recipients,
        lane: Transactional,
        policy: None,
        from: 1,
        quick: false,
        direct: false,
        deadline: None,
    }
}
