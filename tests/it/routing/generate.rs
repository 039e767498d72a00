//! Scenarios by chance.

use courierx::router::Strategy;
use courierx::store::Window;
use courierx::{DuplicatePolicy, Lane};
use fastrand::Rng;

use super::scenario::{Crash, Line, Mail, Scenario, Spell, Weather};

impl Scenario {
    pub(super) fn by_chance(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let processes = rng.choice([1, 1, 2, 2, 3]).unwrap_or(1);
        let lasts = rng.choice([60, 300, 1200]).unwrap_or(60);
        let strategies =
            [Strategy::Priority, Strategy::Weighted, Strategy::RoundRobin, Strategy::FailoverOnly];
        let strategy = strategies.get(rng.usize(..8)).copied();
        let lines = rng.choice([1, 2, 2, 3]).unwrap_or(1);
        let mut lines: Vec<_> = (0..lines).map(|_| line(&mut rng, lasts)).collect();
        // Somebody is there for what is new.
        lines[0].draining = false;
        lines[0].failover_only = false;
        let mails = match rng.u8(..3) {
            0 => rng.usize(1..8),
            1 => rng.usize(8..25),
            _ => rng.usize(25..100),
        };
        let mut mails: Vec<_> = (0..mails).map(|_| mail(&mut rng, processes, lasts)).collect();
        if rng.u8(..3) == 0 {
            // All at once.
            let at = rng.u32(..lasts);
            for mail in &mut mails {
                mail.at = at;
            }
        }
        if rng.u8(..4) == 0 {
            besiege(&mut rng, &mut lines, &mut mails, lasts);
        }
        mails.sort_by_key(|mail| mail.at);
        let crash = |rng: &mut Rng| Crash { at: rng.u32(..lasts), process: rng.usize(..processes) };
        let crashes = if rng.u8(..4) == 0 {
            (0..rng.usize(1..3)).map(|_| crash(&mut rng)).collect()
        } else {
            Vec::new()
        };
        Self {
            seed,
            processes,
            midnight: rng.u32(..2 * lasts),
            strategy,
            hasty: rng.bool(),
            lines,
            mails,
            crashes,
        }
    }
}

/// Nothing but failures of the connections themselves, and many who wait for an answer: what processes know of
/// them differs most.
fn besiege(rng: &mut Rng, lines: &mut [Line], mails: &mut [Mail], lasts: u32) {
    for line in lines {
        (line.rate, line.quota) = (None, None);
        let mut from = 0;
        line.weather.clear();
        while line.weather.len() < 6 {
            from += rng.u32(..lasts / 4);
            let to = from + rng.u32(1..=lasts / 2);
            let weathers =
                [Weather::Dark, Weather::Outage, Weather::Lossy(90), Weather::Flapping(rng.u32(5..60))];
            line.weather.push(Spell { from, to, weather: rng.choice(weathers).unwrap_or(Weather::Dark) });
            from = to;
        }
    }
    for mail in mails {
        mail.direct = rng.u8(..3) == 0;
    }
}

fn line(rng: &mut Rng, lasts: u32) -> Line {
    let rate = (rng.u8(..6) == 0).then(|| (rng.u32(1..40), rng.u32(1..8)));
    let windows = [Window::UtcDay, Window::Rolling24Hours];
    let quota = (rng.u8(..6) == 0).then(|| (rng.choice(windows).unwrap_or(Window::UtcDay), rng.u64(10..60)));
    let mut weather = Vec::new();
    let mut from = 0;
    while weather.len() < 3 && rng.u8(..3) > 0 {
        from += rng.u32(..lasts / 2);
        let to = from + rng.u32(1..=lasts);
        weather.push(Spell { from, to, weather: some_weather(rng) });
        from = to;
    }
    Line {
        priority: rng.u32(..3),
        weight: rng.u32(1..4),
        failover_only: rng.u8(..6) == 0,
        draining: rng.u8(..12) == 0,
        in_flight: rng.choice([1, 2, 4, 32]).unwrap_or(1),
        recipients: rng.choice([1, 2, 100]).unwrap_or(1),
        keyed: rng.bool(),
        tells: rng.u8(..3) == 0,
        rate,
        quota,
        weather,
    }
}

fn some_weather(rng: &mut Rng) -> Weather {
    match rng.u8(..18) {
        0..3 => Weather::Outage,
        3 | 4 => Weather::Dark,
        5 => Weather::Brownout(30),
        6 => Weather::Flapping(rng.u32(5..60)),
        7 => Weather::Throttled(rng.u32(1..5), None),
        8 => Weather::Throttled(rng.u32(..5), Some(rng.u32(1..120))),
        9 => Weather::Slow(rng.u32(1..40)),
        10 => Weather::Revoked,
        11 => Weather::Wall(rng.u32(..20), rng.bool()),
        12 => Weather::Greylist,
        13 => Weather::NoMailbox,
        14 => Weather::Unverified,
        15 => Weather::Policy,
        16 => Weather::Content,
        _ => Weather::Lossy(rng.choice([10, 40, 90]).unwrap_or(10)),
    }
}

fn mail(rng: &mut Rng, processes: usize, lasts: u32) -> Mail {
    let policies = [DuplicatePolicy::WaitThenFailover, DuplicatePolicy::FailoverNow, DuplicatePolicy::Never];
    Mail {
        at: rng.u32(..lasts),
        process: rng.usize(..processes),
        recipients: rng.choice([1, 1, 1, 2, 3]).unwrap_or(1),
        lane: rng
            .choice([Lane::Critical, Lane::Transactional, Lane::Transactional, Lane::Bulk])
            .unwrap_or(Lane::Bulk),
        policy: policies.get(rng.usize(..4)).copied(),
        from: rng.u32(..2),
        quick: rng.u8(..5) == 0,
        direct: rng.u8(..6) == 0,
        deadline: (rng.u8(..8) == 0).then(|| rng.u32(5..600)),
    }
}
