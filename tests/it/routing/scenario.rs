//! What happens in one life: connections and their weather, processes, mail. A scenario that fails is printed as a
//! value that can be pasted among the [regressions](super::regressions).

use std::fmt::Write as _;

use courierx::router::Strategy;
use courierx::store::Window;
use courierx::{DuplicatePolicy, Lane};

/// One life of an application on one store. Times are in seconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    /// What chance is drawn from.
    pub(super) seed: u64,
    pub(super) processes: usize,
    /// How long after the beginning midnight strikes, in UTC.
    pub(super) midnight: u32,
    /// Of a rule over all connections; none leaves it to their priorities.
    pub(super) strategy: Option<Strategy>,
    /// Whether breakers come back soon, so that it can be waited for.
    pub(super) hasty: bool,
    pub(super) lines: Vec<Line>,
    pub(super) mails: Vec<Mail>,
    pub(super) crashes: Vec<Crash>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) priority: u32,
    pub(super) weight: u32,
    pub(super) failover_only: bool,
    pub(super) draining: bool,
    pub(super) in_flight: usize,
    pub(super) recipients: usize,
    /// Whether it de-duplicates.
    pub(super) keyed: bool,
    /// Whether it may tell later what became of a hand-over.
    pub(super) tells: bool,
    /// So many in ten seconds, and so many at once.
    pub(super) rate: Option<(u32, u32)>,
    pub(super) quota: Option<(Window, u64)>,
    pub(super) weather: Vec<Spell>,
}

/// Between spells the sun shines.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spell {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) weather: Weather,
}

/// How a vendor fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    /// It refuses connections.
    Outage,
    /// It answers nothing any more, though it takes some.
    Dark,
    /// So many of a hundred fail.
    Brownout(u32),
    /// An outage every other so many seconds.
    Flapping(u32),
    /// It takes so many in ten seconds, and says how long to wait, or not.
    Throttled(u32, Option<u32>),
    /// Answers take so many seconds.
    Slow(u32),
    Revoked,
    /// It takes so many recipients and no more, and says when it will, or not.
    Wall(u32, bool),
    /// Who comes for the first time is told to come again.
    Greylist,
    /// Half of the mailboxes are not there.
    NoMailbox,
    /// It does not send for the first domain.
    Unverified,
    /// It does not like half of the messages, and may another time.
    Policy,
    /// It does not take half of the contents.
    Content,
    /// Of a hundred answers so many get lost, with the message or without.
    Lossy(u32),
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mail {
    pub(super) at: u32,
    pub(super) process: usize,
    pub(super) recipients: u32,
    pub(super) lane: Lane,
    pub(super) policy: Option<DuplicatePolicy>,
    /// Of which domain.
    pub(super) from: u32,
    /// Whether it gives up soon.
    pub(super) quick: bool,
    /// Whether its caller waits for it.
    pub(super) direct: bool,
    pub(super) deadline: Option<u32>,
}

/// A process dies, and another one takes its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crash {
    pub(super) at: u32,
    pub(super) process: usize,
}

impl Line {
    pub(super) fn weather(&self, at: u32) -> Option<Weather> {
        self.weather.iter().find(|spell| (spell.from..spell.to).contains(&at)).map(|spell| spell.weather)
    }

    /// Whether all that it ever says is about somebody or something else than itself.
    pub(super) fn is_sound(&self) -> bool {
        let is_sound = |spell: &Spell| {
            matches!(
                spell.weather,
                Weather::Greylist
                    | Weather::NoMailbox
                    | Weather::Unverified
                    | Weather::Policy
                    | Weather::Content
                    | Weather::Slow(_)
                    | Weather::Throttled(..)
                    | Weather::Wall(..)
            )
        };
        self.weather.iter().all(is_sound)
    }
}

impl Scenario {
    /// When the last spell is over and the last message came in.
    pub(super) fn end(&self) -> u32 {
        let spells = self.lines.iter().flat_map(|line| &line.weather).map(|spell| spell.to);
        let mails = self.mails.iter().map(|mail| mail.at);
        let crashes = self.crashes.iter().map(|crash| crash.at);
        spells.chain(mails).chain(crashes).max().unwrap_or(0)
    }

    /// As an expression, for a regression test.
    pub(super) fn as_rust(&self) -> String {
        let Self { seed, processes, midnight, strategy, hasty, .. } = self;
        let mut text = format!(
            "Scenario {{\n    seed: {seed},\n    processes: {processes},\n    midnight: {midnight},\n    strategy: \
             {strategy:?},\n    hasty: {hasty},\n"
        );
        list(&mut text, "lines", &self.lines);
        list(&mut text, "mails", &self.mails);
        list(&mut text, "crashes", &self.crashes);
        text.push('}');
        // An enum's own `Debug` leaves out what it is of, and a vector's that it is one.
        text.replace("weather: [", "weather: vec![")
    }
}

fn list(text: &mut String, name: &str, items: &[impl std::fmt::Debug]) {
    let _ = writeln!(text, "    {name}: vec![");
    for item in items {
        let _ = writeln!(text, "        {item:?},");
    }
    text.push_str("    ],\n");
}
