use std::time::Duration;

use courierx_core::clock::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::cli::demo::stage::Failure;

fn picture(figures: &Figures, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, figures)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(width.into());
    rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect()).collect()
}

/// Half of the time is over: the primary took everything for a quarter and is dead since then.
fn figures() -> Figures {
    let mut figures = Figures::new(["first", "second"], Duration::from_secs(66), 40);
    figures.elapsed = Duration::from_secs(33);
    figures.failure = Some(Failure::Hangs);
    (figures.accepted, figures.delivered, figures.lost) = (1320, 1319, 1);
    let open = BreakerState::Open { until: Timestamp::EPOCH };
    let (states, of_slice) = ([BreakerState::Closed, open], [10, 0]);
    for (provider, mine) in figures.providers.iter_mut().zip([0, 1]) {
        let half = |part: usize| {
            let breaker = if mine == 0 { states[part] } else { BreakerState::Closed };
            std::iter::repeat_n(Slice { taken: of_slice[(part + mine) % 2], breaker }, SLICES / 4)
        };
        provider.history = half(0).chain(half(1)).collect();
        provider.breaker = if mine == 0 { open } else { BreakerState::Closed };
    }
    figures.providers[0].open_for = Duration::from_millis(1234);
    figures.tell(Tone::Bad, "first is killed".to_owned());
    figures
}

#[test]
fn the_figures_are_in_the_picture() {
    let rows = picture(&figures(), 100, 30);
    let text = rows.join("\n");
    for words in [
        "33.0 s of 66 s",
        "● open for 1.2 s",
        "● closed",
        "✗ takes mail and never answers",
        "33.0 s  first is killed",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let row = |words: &str| rows.iter().position(|row| row.contains(words)).unwrap();
    let (names, values) = (&rows[row("accepted")], &rows[row("accepted") + 1]);
    assert!(names.contains("lost") && values.contains("1320") && values.contains("1319"), "{text}");
}

#[test]
fn the_charts_show_who_took_what_when() {
    let rows = picture(&figures(), 98, 30);
    let text = rows.join("\n");
    // The lowest row of a chart is above the strip of states.
    let strips: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].contains('▀')).collect();
    assert_eq!(strips.len(), 2, "{text}");
    let cells = |row: usize| rows[row].chars().skip(1).take(96).collect::<Vec<_>>();
    let (first, second) = (cells(strips[0] - 1), cells(strips[1] - 1));
    let full = |cells: &[char]| cells.iter().all(|cell| *cell == '█');
    let empty = |cells: &[char]| cells.iter().all(|cell| *cell == ' ');
    assert!(full(&first[..24]) && empty(&first[24..]), "{text}");
    assert!(empty(&second[..24]) && full(&second[24..48]) && empty(&second[48..]), "{text}");
    assert_eq!(cells(strips[0]).iter().filter(|cell| **cell == '▀').count(), 48, "{text}");
}

#[test]
fn no_terminal_is_too_small() {
    for (width, height) in [(1, 1), (20, 5), (40, 12), (300, 100)] {
        assert_eq!(picture(&figures(), width, height).len(), usize::from(height));
    }
}
