//! Pictures of it, kept as they are drawn.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::figures::{Figures, Phase};
use super::{svg, view};

/// How many pictures are kept, the last one included.
const PICTURES: u32 = 20;
const SIZE: (u16, u16) = (100, 30);

/// What was shown at some moments.
#[derive(Debug, Default)]
pub(super) struct Record {
    pictures: Vec<Buffer>,
    /// How many were due until now.
    due: u32,
}

impl Record {
    /// Keeps a picture if it is time for one.
    pub(super) fn look(&mut self, figures: &Figures) {
        let next: Duration = figures.length / PICTURES * (self.due + 1);
        let is_due = figures.elapsed >= next && self.due + 1 < PICTURES;
        if is_due || figures.phase == Phase::Over {
            self.due += 1;
            self.pictures.push(picture(figures));
        }
    }

    /// All of them, one after the other.
    pub(super) fn into_svg(self) -> String {
        svg::animation(&self.pictures)
    }
}

/// One picture.
pub(super) fn picture(figures: &Figures) -> Buffer {
    // Drawing into memory cannot fail, and its type says so.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(SIZE.0, SIZE.1));
    let Ok(drawn) = terminal.draw(|frame| view::draw(frame, figures));
    drawn.buffer.clone()
}
