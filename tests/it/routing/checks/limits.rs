//! Quotas, rates and budgets.

use std::time::Duration;

use courierx::Timestamp;
use courierx::store::Window;

use super::super::log::HandOver;
use super::super::world::name;
use super::Look;

impl Look<'_> {
    /// 3: quotas, over all processes.
    pub(super) fn quotas(&self, wrong: &mut Vec<String>) {
        for (number, line) in self.scenario.lines.iter().enumerate() {
            let Some((window, cap)) = line.quota else { continue };
            // What is repeated under its key is sent once at most, and counts where it was handed over first.
            let repeats = |one: &HandOver| {
                let is_first = |before: &HandOver| {
                    before.mail == one.mail
                        && before.at < one.at
                        && before.amount() > 0
                        && before.is_for_same(one)
                };
                line.keyed && self.of_line(number).any(is_first)
            };
            let counted: Vec<_> =
                self.of_line(number).filter(|one| !repeats(one)).map(|one| (one.at, one.amount())).collect();
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
    pub(super) fn rates(&self, wrong: &mut Vec<String>) {
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
    pub(super) fn budgets(&self, wrong: &mut Vec<String>) {
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
}
