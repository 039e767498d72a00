//! What breakers do, and what they spare.

use courierx::Timestamp;
use courierx::router::{Strategy, Transition};

use super::super::log::Move;
use super::super::scenario::{Line, Weather};
use super::super::world::{breaker, name};
use super::Look;

/// Failures in a row that open a breaker.
const THRESHOLD: usize = 5;

impl Look<'_> {
    /// 4: a dead connection costs what opens its breaker, what is under way by then, and probes.
    pub(super) fn costs_of_outages(&self, wrong: &mut Vec<String>) {
        let options = breaker(self.scenario.hasty);
        for (number, process) in self.each() {
            let line = &self.scenario.lines[number];
            for spell in &line.weather {
                let is_alone = line
                    .weather
                    .iter()
                    .all(|one| one == spell || one.to + 60 < spell.from || one.from >= spell.to);
                if !is_alone || !matches!(spell.weather, Weather::Outage | Weather::Dark) {
                    continue;
                }
                let probes = f64::from(spell.to - spell.from) / (options.open_for.as_secs_f64() * 0.9);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few")]
                let most = THRESHOLD + line.in_flight - 1 + probes as usize + 1;
                let second =
                    |at: Timestamp| u32::try_from(at.since(self.seen.start).as_secs()).unwrap_or(u32::MAX);
                let met = self.of_line(number).filter(|one| {
                    one.process == process
                        && !self.is_direct(one.mail)
                        && (spell.from..spell.to).contains(&second(one.at))
                });
                let met = met.count();
                if met > most {
                    wrong.push(format!("{} was tried {met} times, not {most}, in {spell:?}", name(number)));
                }
            }
        }
    }

    /// 4: after a bounded time a connection that had failed gets all that it should.
    pub(super) fn back_to_full_share(&self, wrong: &mut Vec<String>) {
        let Some(primary) = self.primary() else { return };
        for &late in &self.seen.late {
            let first = self.of_mail(late).next();
            if first.is_none_or(|one| one.line != primary || !one.is_accepted()) {
                wrong.push(format!("{} is not back: {late} went {first:?}", name(primary)));
                return;
            }
        }
    }

    /// The one connection that everything goes to if all is well, where that can be said.
    fn primary(&self) -> Option<usize> {
        let lines = &self.scenario.lines;
        if !matches!(self.scenario.strategy, None | Some(Strategy::Priority | Strategy::FailoverOnly)) {
            return None;
        }
        let ruled = self.scenario.strategy.is_some();
        let rank = |line: &Line| (ruled && line.failover_only, line.priority);
        let first = (0..lines.len())
            .filter(|number| !lines[*number].draining)
            .min_by_key(|number| rank(&lines[*number]))?;
        let is_shared = (0..lines.len()).any(|other| {
            other != first && !lines[other].draining && rank(&lines[other]) == rank(&lines[first])
        });
        // Who rests for its own reasons is none of a breaker's business.
        let rests = |weather: Weather| {
            matches!(weather, Weather::Throttled(..) | Weather::Revoked | Weather::Wall(..))
        };
        let line = &lines[first];
        let is_free =
            line.rate.is_none() && line.quota.is_none() && !line.weather.iter().any(|one| rests(one.weather));
        (is_free && !is_shared).then_some(first)
    }

    /// 5 and 8: breakers move for their own reasons alone, and each time is told once.
    pub(super) fn moves(&self, moves: &[Move], wrong: &mut Vec<String>) {
        for (number, line) in self.scenario.lines.iter().enumerate() {
            let moves: Vec<_> = moves.iter().filter(|one| one.connection.as_str() == name(number)).collect();
            if line.is_sound() && self.scenario.crashes.is_empty() && !moves.is_empty() {
                wrong.push(format!("{} is sound and its breaker moved: {moves:?}", name(number)));
            }
            // Who dies may take a word along.
            if !self.scenario.crashes.is_empty() {
                continue;
            }
            let mut is_open = false;
            for one in &moves {
                let is_next = match one.transition {
                    Transition::Opened { .. } => !std::mem::replace(&mut is_open, true),
                    Transition::Reopened { .. } => is_open,
                    Transition::Closed => std::mem::replace(&mut is_open, false),
                };
                if !is_next {
                    wrong.push(format!("{} was told of out of turn: {moves:#?}", name(number)));
                    break;
                }
            }
        }
    }
}
