//! Where it is shown: on a terminal, or as lines of text.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::figures::Figures;
use super::plain::Lines;
use super::view;

/// What a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    /// Kill the primary, or revive it.
    Kill,
    Pause,
}

pub(super) enum Screen {
    Live(Live),
    Plain(Lines),
}

/// The whole terminal, as long as this lives.
pub(super) struct Live(DefaultTerminal);

impl Screen {
    pub(super) fn open(plain: bool) -> io::Result<Self> {
        if plain || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Ok(Self::Plain(Lines::default()));
        }
        // It also restores the terminal if something panics.
        Ok(Self::Live(Live(ratatui::try_init()?)))
    }

    /// The keys that were pressed since this was last asked.
    pub(super) fn keys(&self) -> io::Result<Vec<Key>> {
        let mut keys = Vec::new();
        if matches!(self, Self::Plain(_)) {
            return Ok(keys);
        }
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                // What would send a signal is a key like any other meanwhile.
                let interrupts = key.modifiers.contains(KeyModifiers::CONTROL);
                keys.extend(match key.code {
                    KeyCode::Char('c') if interrupts => Some(Key::Quit),
                    KeyCode::Char('q') | KeyCode::Esc => Some(Key::Quit),
                    KeyCode::Char('k') => Some(Key::Kill),
                    KeyCode::Char(' ') => Some(Key::Pause),
                    _ => None,
                });
            }
        }
        Ok(keys)
    }

    pub(super) fn show(&mut self, figures: &Figures) -> io::Result<()> {
        match self {
            Self::Live(Live(terminal)) => terminal.draw(|frame| view::draw(frame, figures)).map(|_| ()),
            Self::Plain(lines) => lines.show(figures),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
