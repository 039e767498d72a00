//! Figures, and what is promised of them.

use std::process::ExitCode;

/// Figures that were measured, and whether one broke its promise.
#[derive(Debug, Default)]
pub(crate) struct Floors {
    broken: Vec<String>,
}

impl Floors {
    pub(crate) fn at_least(&mut self, what: &str, measured: f64, promised: f64) {
        self.note(what, measured, &format!("at least {promised}"), measured >= promised);
    }

    pub(crate) fn at_most(&mut self, what: &str, measured: f64, promised: f64) {
        self.note(what, measured, &format!("at most {promised}"), measured <= promised);
    }

    fn note(&mut self, what: &str, measured: f64, promised: &str, kept: bool) {
        println!("{what}: {measured:.2} ({promised})");
        if !kept {
            self.broken.push(format!("{what}: {measured:.2}, not {promised}"));
        }
    }

    /// Fails if a promise was broken and somebody wants to know.
    pub(crate) fn conclude(self) -> ExitCode {
        for broken in &self.broken {
            println!("BROKEN {broken}");
        }
        let checked = std::env::var_os("COURIERX_BENCH_CHECK").is_some();
        if checked && !self.broken.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
