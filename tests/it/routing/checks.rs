//! What must hold, whatever happens.

use std::time::Duration;

use courierx::router::{Strategy, Transition};
use courierx::store::Window;
use courierx::{DuplicatePolicy, Lane, RecipientStatus, RefusalKind, SendError, Timestamp};

use super::log::{Answer, HandOver};
use super::scenario::{Line, Mail, Scenario, Weather};
use super::world::{Seen, breaker, name};

/// Failures in a row that open a breaker.
const THRESHOLD: usize = 5;

pub(super) fn everything(scenario: &Scenario, seen: &Seen) -> Vec<String> {
    let facts = seen.log.lock();
    let look = Look { scenario, seen, hand_overs: &facts.hand_overs };
    let mut wrong = Vec::new();
    if !seen.is_drained {
        wrong.push("something is left to do after all that time".to_owned());
    }
    look.no_duplicates(&mut wrong);
    look.all_is_delivered(&mut wrong);
    look.quotas(&mut wrong);
    look.rates(&mut wrong);
    look.budgets(&mut wrong);
    look.costs_of_outages(&mut wrong);
    look.back_to_full_share(&mut wrong);
    look.who_stands_aside(&mut wrong);
    look.moves(&facts.moves, &mut wrong);
    wrong
}

struct Look<'a> {
    scenario: &'a Scenario,
    seen: &'a Seen,
    hand_overs: &'a [HandOver],
}

impl<'a> Look<'a> {
    fn of_mail(&self, mail: usize) -> impl Iterator<Item = &'a HandOver> {
        self.hand_overs.iter().filter(move |one| one.mail == mail)
    }

    fn of_line(&self, line: usize) -> impl Iterator<Item = &'a HandOver> {
        self.hand_overs.iter().filter(move |one| one.line == line)
    }

    fn mail(&self, number: usize) -> Option<&'a Mail> {
        self.scenario.mails.get(number)
    }

    fn is_direct(&self, number: usize) -> bool {
        self.mail(number).is_some_and(|mail| mail.direct)
    }

    /// 1: what is taken more often than once is told of as unknown, and under `never` it is not; nothing is handed
    /// over again after it was accepted.
    fn no_duplicates(&self, wrong: &mut Vec<String>) {
        for (number, mail) in self.scenario.mails.iter().enumerate() {
            for recipient in 0..mail.recipients {
                let all: Vec<_> = self.of_mail(number).filter(|one| one.has(recipient)).collect();
                let taken =
                    |one: &&&HandOver| one.recipients.iter().any(|(of, _, taken)| *of == recipient && *taken);
                let taken = all.iter().filter(taken).count();
                let unknown = all.iter().filter(|one| one.answer(recipient) == Some(Answer::Unknown)).count();
                if taken > 1 + unknown || taken > 1 && mail.policy == Some(DuplicatePolicy::Never) {
                    wrong.push(format!("{number}.{recipient} was taken {taken} times, {unknown} unknown"));
                }
                let accepted = all.iter().filter(|one| one.answer(recipient) == Some(Answer::Accepted));
                let first = accepted.filter_map(|one| one.until).min();
                if let Some(first) = first
                    && all.iter().any(|one| one.at > first)
                {
                    wrong.push(format!("{number}.{recipient} was handed over again after it was accepted"));
                }
            }
        }
    }

    /// 2 and 7: everything has an end, and whatever can be delivered is.
    fn all_is_delivered(&self, wrong: &mut Vec<String>) {
        for (number, message) in &self.seen.stored {
            for recipient in &message.record.recipients {
                let index = recipient.index;
                let said =
                    |answer: Answer| self.of_mail(*number).any(|one| one.answer(index) == Some(answer));
                let accepted = said(Answer::Accepted);
                let mail = self.mail(*number);
                let hurries = mail
                    .is_some_and(|mail| mail.quick || mail.deadline.is_some() || mail.lane == Lane::Critical);
                let never = mail.is_some_and(|mail| mail.policy == Some(DuplicatePolicy::Never));
                let refused = said(Answer::Refused(RefusalKind::Recipient))
                    || said(Answer::Refused(RefusalKind::Content));
                let right = match recipient.status {
                    RecipientStatus::Sent => accepted,
                    RecipientStatus::Failed => !accepted && (refused || hurries && !said(Answer::Unknown)),
                    RecipientStatus::Unknown => {
                        !accepted && said(Answer::Unknown) && (never || hurries || refused)
                    }
                    _ => false,
                };
                // Who died may have heard that it was accepted, and not written it down.
                if !right
                    && !(accepted
                        && !self.scenario.crashes.is_empty()
                        && recipient.status == RecipientStatus::Unknown)
                {
                    wrong.push(format!("{number}.{index} is {:?}: {message:?}", recipient.status));
                }
            }
        }
        for (number, heard) in &self.seen.heard {
            let recipients = self.mail(*number).map_or(1, |mail| mail.recipients);
            let is_accepted =
                |recipient| self.of_mail(*number).any(|one| one.answer(recipient) == Some(Answer::Accepted));
            let is_unknown =
                |recipient| self.of_mail(*number).any(|one| one.answer(recipient) == Some(Answer::Unknown));
            let all = (0..recipients).all(is_accepted);
            let may = (0..recipients).any(|one| is_accepted(one) || is_unknown(one));
            if heard.is_ok() != all
                || heard.as_ref().is_err_and(|error| SendError::may_have_been_sent(error) != may)
            {
                wrong.push(format!("{number} was sent directly and heard {heard:?}"));
            }
        }
    }

    /// 3: quotas, over all processes.
    fn quotas(&self, wrong: &mut Vec<String>) {
        for (number, line) in self.scenario.lines.iter().enumerate() {
            let Some((window, cap)) = line.quota else { continue };
            let counted: Vec<_> = self.of_line(number).map(|one| (one.at, one.amount())).collect();
            for (place, (from, _)) in counted.iter().enumerate() {
                let within = |at: Timestamp| match window {
                    Window::Rolling24Hours => at < from.after(Duration::from_hours(24)),
                    window => window.bucket(at) == window.bucket(*from),
                };
                let used: u64 =
                    counted[place..].iter().filter(|(at, _)| within(*at)).map(|(_, amount)| amount).sum();
                if used > cap {
                    wrong.push(format!("{} took {used} of {cap} from {from}", name(number)));
                    break;
                }
            }
        }
    }

    /// 9: the rate, over any time, for each process.
    fn rates(&self, wrong: &mut Vec<String>) {
        for (number, line) in self.scenario.lines.iter().enumerate() {
            let Some((in_ten_seconds, burst)) = line.rate else { continue };
            for process in self.processes() {
                let times: Vec<_> =
                    self.of_line(number).filter(|one| one.process == process).map(|one| one.at).collect();
                for (place, from) in times.iter().enumerate() {
                    for (count, until) in (1_u32..).zip(&times[place..]) {
                        let grown = until.since(*from).as_secs_f64() / 10.0 * f64::from(in_ten_seconds);
                        if f64::from(count) > f64::from(burst) + grown + 1e-6 {
                            wrong.push(format!("{} was handed {count} from {from} to {until}", name(number)));
                            return;
                        }
                    }
                }
            }
        }
    }

    /// 9: retries that fail are a fifth of what succeeds, and ten each minute.
    fn budgets(&self, wrong: &mut Vec<String>) {
        for (number, process) in self.each() {
            let (mut failing, mut good) = (0_u32, 0_u32);
            let mut all: Vec<_> =
                self.of_line(number).filter(|one| one.process == process && one.until.is_some()).collect();
            all.sort_by_key(|one| one.until);
            for one in all {
                let was_here = |before: &HandOver| {
                    before.mail == one.mail
                        && before.until.is_some_and(|until| until <= one.at)
                        && one.recipients.iter().any(|(recipient, ..)| before.has(*recipient))
                };
                let retries = !self.is_direct(one.mail) && self.of_line(number).any(was_here);
                failing += u32::from(retries && one.failed());
                good += u32::from(one.is_accepted());
                let minutes = one.at.since(self.seen.start).as_secs_f64() / 60.0;
                if f64::from(failing) > 10.0 + 10.0 * minutes + 0.2 * f64::from(good) + 1e-6 {
                    wrong.push(format!("{failing} retries failed at {} by {}", name(number), one.at));
                    break;
                }
            }
        }
    }

    /// 4: a dead connection costs what opens its breaker, what is under way by then, and probes.
    fn costs_of_outages(&self, wrong: &mut Vec<String>) {
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
    fn back_to_full_share(&self, wrong: &mut Vec<String>) {
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

    /// 9: who is there for failures alone gets nothing while another can take it; who is drained, nothing new.
    fn who_stands_aside(&self, wrong: &mut Vec<String>) {
        let lines = &self.scenario.lines;
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.draining) {
            if self.of_line(number).next().is_some() {
                wrong.push(format!("{} is drained and was given something: {line:?}", name(number)));
            }
        }
        if self.scenario.strategy.is_none() {
            return;
        }
        for (number, message) in &self.seen.stored {
            for attempt in &message.attempts {
                let at =
                    lines.iter().enumerate().position(|(one, _)| name(one) == attempt.connection.as_str());
                let repeats = self.is_repeat(*number, attempt.connection.as_str(), attempt.started_at);
                if repeats || !at.is_some_and(|at| lines[at].failover_only) {
                    continue;
                }
                let is_passed_over =
                    |other: usize| attempt.skipped.iter().any(|one| one.connection.as_str() == name(other));
                let others = (0..lines.len()).filter(|other| !lines[*other].failover_only);
                for other in others.filter(|other| !is_passed_over(*other)) {
                    wrong.push(format!(
                        "{number} went to {} though {} was there",
                        attempt.connection,
                        name(other)
                    ));
                }
            }
        }
    }

    fn is_repeat(&self, mail: usize, connection: &str, at: Timestamp) -> bool {
        self.of_mail(mail).any(|one| {
            name(one.line) == connection
                && one.at < at
                && one.recipients.iter().any(|(_, answer, _)| *answer == Answer::Unknown)
        })
    }

    /// 5 and 8: breakers move for their own reasons alone, and each time is told once.
    fn moves(&self, moves: &[super::log::Move], wrong: &mut Vec<String>) {
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

    fn processes(&self) -> Vec<usize> {
        let mut all: Vec<_> = self.hand_overs.iter().map(|one| one.process).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize)> {
        let processes = self.processes();
        (0..self.scenario.lines.len())
            .flat_map(move |line| processes.clone().into_iter().map(move |one| (line, one)))
    }
}
