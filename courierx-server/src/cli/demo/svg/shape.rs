//! What a row of a terminal is made of: words, lines and bars.

use std::fmt;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use super::hex;

/// The width and height of a cell, in pixels: an eighth of a bar is two of them.
pub(super) const CELL: (u32, u32) = (8, 16);
/// Where letters stand in their cell.
const BASELINE: u32 = 12;
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A part of a row. Lines and bars are drawn, since fonts leave gaps between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    row: u32,
    column: u32,
    pub(super) colour: &'static str,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Words {
        text: String,
        cells: u32,
        bold: bool,
    },
    /// The sides of each cell to which a line goes from its middle: left, right, up, down.
    Lines(Vec<[bool; 4]>),
    /// The height of each bar, in eighths.
    Bars(Vec<u32>),
    /// So many cells of which the upper half is filled.
    Strip(u32),
}

/// The parts of a picture.
pub(super) fn shapes(picture: &Buffer) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for row in 0..picture.area.height {
        let mut current: Option<Shape> = None;
        let cells = (0..picture.area.width).filter_map(|column| Some((column, picture.cell((column, row))?)));
        for next in cells.filter_map(|(column, cell)| shape(cell, column, row)) {
            match &mut current {
                Some(before) if before.takes(&next) => before.grow(next),
                _ => shapes.extend(current.replace(next)),
            }
        }
        shapes.extend(current);
    }
    shapes
}

fn shape(cell: &Cell, column: u16, row: u16) -> Option<Shape> {
    let symbol = cell.symbol();
    let what = if let Some(at) = BARS.iter().position(|bar| *bar == symbol) {
        What::Bars(vec![u32::try_from(at).ok()? + 1])
    } else if symbol == "▀" {
        What::Strip(1)
    } else if let Some(sides) = sides(symbol) {
        What::Lines(vec![sides])
    } else if symbol.trim().is_empty() {
        return None;
    } else {
        What::Words { text: symbol.to_owned(), cells: 1, bold: cell.modifier.contains(Modifier::BOLD) }
    };
    Some(Shape { row: row.into(), column: column.into(), colour: hex(cell.fg), what })
}

const fn sides(symbol: &str) -> Option<[bool; 4]> {
    Some(match symbol.as_bytes() {
        b"\xe2\x94\x80" => [true, true, false, false],
        b"\xe2\x94\x82" => [false, false, true, true],
        b"\xe2\x94\x8c" => [false, true, false, true],
        b"\xe2\x94\x90" => [true, false, false, true],
        b"\xe2\x94\x94" => [false, true, true, false],
        b"\xe2\x94\x98" => [true, false, true, false],
        _ => return None,
    })
}

impl Shape {
    /// How many cells it has.
    fn width(&self) -> u32 {
        match &self.what {
            What::Words { cells, .. } | What::Strip(cells) => *cells,
            What::Lines(cells) => u32::try_from(cells.len()).unwrap_or(0),
            What::Bars(cells) => u32::try_from(cells.len()).unwrap_or(0),
        }
    }

    /// Whether the next one of its row is more of the same. Words have a space between them.
    fn takes(&self, next: &Self) -> bool {
        let gap = next.column - self.column - self.width();
        self.colour == next.colour
            && match (&self.what, &next.what) {
                (What::Words { bold, .. }, What::Words { bold: next, .. }) => bold == next && gap <= 1,
                (What::Lines(_), What::Lines(_))
                | (What::Bars(_), What::Bars(_))
                | (What::Strip(_), What::Strip(_)) => gap == 0,
                _ => false,
            }
    }

    fn grow(&mut self, next: Self) {
        let is_apart = next.column > self.column + self.width();
        if let What::Words { text, cells, .. } = &mut self.what
            && is_apart
        {
            text.push(' ');
            *cells += 1;
        }
        match (&mut self.what, next.what) {
            (What::Words { text, cells, .. }, What::Words { text: more, cells: more_cells, .. }) => {
                text.push_str(&more);
                *cells += more_cells;
            }
            (What::Lines(lines), What::Lines(more)) => lines.extend(more),
            (What::Bars(bars), What::Bars(more)) => bars.extend(more),
            (What::Strip(cells), What::Strip(more)) => *cells += more,
            _ => {}
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (x, y) = (self.column * CELL.0, self.row * CELL.1);
        match &self.what {
            What::Words { text, cells, bold } => {
                let bold = if *bold { " b" } else { "" };
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                write!(f, "<text x=\"{x}\" y=\"{}\" class=\"c{}{bold}\"", y + BASELINE, self.colour)?;
                if *cells > 1 {
                    // Whatever the font is, the columns stay columns.
                    write!(f, " textLength=\"{}\"", cells * CELL.0)?;
                }
                write!(f, ">{text}</text>")
            }
            What::Lines(cells) => {
                f.write_str("<path class=\"l\" d=\"")?;
                draw_lines(f, cells, x, y)?;
                f.write_str("\"/>")
            }
            What::Bars(heights) => {
                write!(f, "<path class=\"c{}\" d=\"M{x} {}", self.colour, y + CELL.1)?;
                for same in heights.chunk_by(|one, other| one == other) {
                    write!(f, "V{}h{}", y + CELL.1 - same[0] * CELL.1 / 8, same.len() * CELL.0 as usize)?;
                }
                write!(f, "V{}z\"/>", y + CELL.1)
            }
            What::Strip(cells) => {
                let (width, height) = (cells * CELL.0, CELL.1 / 2);
                write!(f, "<path class=\"c{}\" d=\"M{x} {y}h{width}v{height}h-{width}z\"/>", self.colour)
            }
        }
    }
}

/// Lines through the middle of their cells; those that go on from one cell to the next are one.
fn draw_lines(f: &mut fmt::Formatter<'_>, cells: &[[bool; 4]], x: u32, y: u32) -> fmt::Result {
    let (half, middle) = (CELL.0 / 2, CELL.1 / 2);
    let mut left = x;
    for same in cells.chunk_by(|one, other| one == other && one[0] && one[1]) {
        let width = u32::try_from(same.len()).unwrap_or(0) * CELL.0;
        let [to_left, to_right, up, down] = same[0];
        let from = if to_left { left } else { left + half };
        let to = if to_right { left + width } else { left + half };
        if to > from {
            write!(f, "M{from} {}h{}", y + middle, to - from)?;
        }
        let from = if up { y } else { y + middle };
        let to = if down { y + CELL.1 } else { y + middle };
        if to > from {
            write!(f, "M{} {from}v{}", left + half, to - from)?;
        }
        left += width;
    }
    Ok(())
}
