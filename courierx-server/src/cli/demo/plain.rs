//! The same as lines of text, and what is said at the end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use super::figures::{Figures, Incident};

/// So often in all it is told how it stands.
const REPORTS: u32 = 20;

/// What was told already.
#[derive(Debug, Default)]
pub(super) struct Lines {
    entries: usize,
    reports: u32,
}

impl Lines {
    /// Tells what is new.
    pub(super) fn show(&mut self, figures: &Figures) -> io::Result<()> {
        let text = self.news(figures);
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Whoever looked has seen enough; the count is still made.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }

    fn news(&mut self, figures: &Figures) -> String {
        let mut text = String::new();
        for entry in &figures.log[self.entries..] {
            let _ = writeln!(text, "{:>6.1} s  {}", entry.at.as_secs_f64(), entry.text);
        }
        self.entries = figures.log.len();
        if figures.elapsed >= figures.length / REPORTS * (self.reports + 1) {
            self.reports += 1;
            text.push_str(&report(figures));
        }
        text
    }
}

/// How it stands.
fn report(figures: &Figures) -> String {
    let mut text = format!("{:>6.1} s ", figures.elapsed.as_secs_f64());
    for provider in &figures.providers {
        let pace = provider.pace(figures.slice());
        let _ = write!(text, " {} {}, {pace:.0}/s;", provider.name, provider.breaker_text());
    }
    let Figures { accepted, delivered, queued, unknown, duplicates, lost, .. } = figures;
    let _ = writeln!(
        text,
        " accepted {accepted}, delivered {delivered}, queued {queued}, unknown {unknown}, \
         duplicates {duplicates}, lost {lost}"
    );
    text
}

/// What is said at the end.
pub(super) fn summary(figures: &Figures) -> String {
    let [primary, secondary] = &figures.providers;
    let mut text = String::from("\n");
    for incident in &figures.incidents {
        text.push_str(&story(incident, primary.name, secondary.name));
    }
    let rows = [
        ("messages accepted", figures.accepted, String::new()),
        (
            "delivered",
            figures.delivered,
            format!("{} took {}, {} took {}", primary.name, primary.taken, secondary.name, secondary.taken),
        ),
        ("lost", figures.lost, "counted against what the providers took".to_owned()),
        ("unknown outcomes", figures.unknown, "the answer was lost with the provider".to_owned()),
        ("duplicates", figures.duplicates, "at most one for each unknown outcome".to_owned()),
        ("failed over", figures.failovers, String::new()),
    ];
    for (name, count, remark) in rows {
        text.push_str(format!("{name:<18}{count:>8}   {remark}").trim_end());
        text.push('\n');
    }
    if figures.queued > 0 {
        let _ = writeln!(text, "{:<18}{:>8}   still to be delivered when it ended", "queued", figures.queued);
    }
    text.push_str(verdict(figures));
    text
}

fn verdict(figures: &Figures) -> &'static str {
    if figures.lost > 0 {
        "\nMail was lost. That must not happen; please report it.\n"
    } else if figures.duplicates > figures.unknown {
        "\nMail arrived twice whose outcome was known. That must not happen; please report it.\n"
    } else if figures.queued > 0 {
        "\nNothing was lost, but not everything was delivered in time.\n"
    } else {
        "\nNothing was lost.\n"
    }
}

fn story(incident: &Incident, primary: &str, secondary: &str) -> String {
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let mut text = format!("{:>6.1} s  {primary} {}\n", incident.killed_at.as_secs_f64(), incident.failure);
    let mut point = |name: &str, value: String| {
        let _ = writeln!(text, "          {name}: {value}");
    };
    let missing = || "none".to_owned();
    let over = incident.first_failover.map(|after| format!("{}, to {secondary}", seconds(after)));
    point("time to first failover", over.unwrap_or_else(missing));
    let Some(revived) = incident.revived_at else {
        point("revived", "never".to_owned());
        return text;
    };
    point("revived", format!("at {:.1} s", revived.as_secs_f64()));
    let full = incident.full_share.map(|after| format!("{} later", seconds(after)));
    point("its full share again", full.unwrap_or_else(|| "not in the time that it had".to_owned()));
    text
}
