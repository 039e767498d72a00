//! What another program prints, line by line, and not waited for for ever.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::binary::PATIENCE;

/// The lines of a pipe.
pub(super) struct Lines(Receiver<String>);

impl Lines {
    pub(super) fn of(pipe: impl Read + Send + 'static) -> Self {
        let (read, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if read.send(line).is_err() {
                    return;
                }
            }
        });
        Self(lines)
    }

    /// The next line. Panics, saying what it was waiting for, if none comes.
    #[track_caller]
    pub(super) fn next(&self, waiting_for: &str) -> String {
        let line = self.0.recv_timeout(PATIENCE);
        line.unwrap_or_else(|error| panic!("waiting for {waiting_for}: {error}"))
    }
}
