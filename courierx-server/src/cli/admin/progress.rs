//! Tells how far it is: by a bar, or by lines where nobody looks.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use courierx_core::store::transfer::{Moved, Phase, TABLES};
use indicatif::{ProgressBar, ProgressStyle};

const BAR: &str = "{prefix:>9} {bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} left  {msg}";
/// How often something changes where nobody looks: after so many rows.
const LINE_EVERY: u64 = 100_000;

/// How far it is.
pub(super) struct Progress {
    total: u64,
    phase: Phase,
    rows: Vec<u64>,
    bar: Option<ProgressBar>,
    told: u64,
}

impl Progress {
    /// At the beginning of so many rows.
    pub(super) fn new(total: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| bar(total, Phase::Move));
        Self { total, phase: Phase::Move, rows: vec![0; TABLES.len()], bar, told: 0 }
    }

    /// Some more.
    pub(super) fn tell(&mut self, moved: Moved) {
        if moved.phase != self.phase {
            self.finish();
            self.phase = moved.phase;
            self.rows.fill(0);
            self.told = 0;
            self.bar = self.bar.take().map(|_| bar(self.total, moved.phase));
        }
        self.rows[moved.table.place()] = moved.rows;
        let rows: u64 = self.rows.iter().sum();
        match &self.bar {
            Some(bar) => {
                bar.set_message(moved.table.name);
                bar.set_position(rows);
            }
            None if rows >= self.told + LINE_EVERY => {
                self.told = rows;
                self.line(rows);
            }
            None => {}
        }
    }

    /// Nothing more of this.
    pub(super) fn finish(&self) {
        match &self.bar {
            Some(bar) => bar.finish_with_message("done"),
            None => self.line(self.rows.iter().sum()),
        }
    }

    fn line(&self, rows: u64) {
        let _ = writeln!(io::stderr(), "{} {rows} of {} rows", name(self.phase), self.total);
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Move => "moved",
        Phase::Compare => "compared",
    }
}

fn bar(total: u64, phase: Phase) -> ProgressBar {
    let bar = ProgressBar::new(total).with_prefix(name(phase));
    // Without its look it has a plainer one.
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
