//! The picture: drawn of the figures and of nothing else.

use courierx_core::router::BreakerState;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::figures::{Entry, Figures, Phase, Provider, SLICES, Slice, Tone, whole};

/// The colours of the providers.
const COLOURS: [Color; 2] = [Color::Cyan, Color::Magenta];
const ROLES: [&str; 2] = ["the primary", "the other one"];
/// What a breaker is in, by its colour.
const LEGEND: [(&str, Color); 4] = [
    ("closed", Color::Green),
    ("open", Color::Red),
    ("half open", Color::Yellow),
    ("slow start", Color::Blue),
];
/// Rates are drawn in tenths.
const TENTHS: f64 = 10.0;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, figures: &Figures) {
    let rows = [
        Constraint::Length(1),
        Constraint::Fill(3),
        Constraint::Fill(3),
        Constraint::Length(4),
        Constraint::Fill(3),
        Constraint::Length(1),
    ];
    let [title, primary, secondary, counts, log, keys] = Layout::vertical(rows).areas(frame.area());
    draw_title(frame, title, figures);
    draw_provider(frame, primary, figures, 0);
    draw_provider(frame, secondary, figures, 1);
    draw_counts(frame, counts, figures);
    draw_log(frame, log, &figures.log);
    draw_keys(frame, keys);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
    let (elapsed, length) = (figures.elapsed.as_secs_f64(), figures.length.as_secs());
    let phase = match figures.phase {
        Phase::Running => String::new(),
        Phase::Paused => "paused · ".to_owned(),
        Phase::Draining => "delivering the rest · ".to_owned(),
        Phase::Over => "over · ".to_owned(),
    };
    let time = format!("{phase}{} messages/s · {elapsed:.1} s of {length} s ", figures.rate);
    frame.render_widget(Line::from(Span::from(" courierx demo --chaos").bold()), area);
    frame.render_widget(Line::from(time).right_aligned(), area);
}

fn draw_provider(frame: &mut Frame<'_>, area: Rect, figures: &Figures, at: usize) {
    let (provider, colour) = (&figures.providers[at], COLOURS[at]);
    let name = Line::from(vec![
        Span::from(format!(" {} ", provider.name)).fg(colour).bold(),
        Span::from(format!("{} ", ROLES[at])).dark_gray(),
    ]);
    let state = Line::from(format!(" ● {} ", provider.breaker_text())).fg(colour_of(provider.breaker)).bold();
    let block = Block::bordered().border_style(Color::DarkGray).title(name).title(state.right_aligned());
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let rows = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)];
    let [words, chart, strip] = Layout::vertical(rows).areas(inside);
    draw_words(frame, words, figures, at);

    let columns = columns(&provider.history, chart.width.into());
    let slice = figures.slice().as_secs_f64();
    let rates: Vec<u64> = columns.iter().map(|column| tenths(pace(column, slice))).collect();
    // The same scale for both, with room for what catches up.
    let most = tenths(f64::from(figures.rate) * 1.3).max(1);
    frame.render_widget(Sparkline::default().data(rates).max(most).style(colour), chart);
    let states: Vec<Span<'_>> = columns
        .iter()
        .filter_map(|column| column.last())
        .map(|slice| Span::from("▀").fg(colour_of(slice.breaker)))
        .collect();
    frame.render_widget(Line::from(states), strip);
}

fn draw_words(frame: &mut Frame<'_>, area: Rect, figures: &Figures, at: usize) {
    let provider = &figures.providers[at];
    let failure = figures.failure.filter(|_| at == 0);
    // What answered before it was killed is not worth the place.
    let latency = provider.latency.filter(|_| failure.is_none()).map_or_else(String::new, |latency| {
        format!("    answers in {:.1} ms", latency.as_secs_f64() * 1000.0)
    });
    let Provider { taken, in_flight, in_flight_limit, .. } = provider;
    let pace = provider.pace(figures.slice());
    let words = format!(
        " {pace:>3.0} messages/s    took {taken}    in flight {in_flight} of {in_flight_limit}{latency}"
    );
    frame.render_widget(Line::from(words), area);
    if let Some(failure) = failure {
        // The style of a span: a line's is that of the whole area.
        let text = Line::from(Span::from(format!("✗ {failure} ")).red().bold());
        frame.render_widget(text.right_aligned(), area);
    }
}

fn draw_counts(frame: &mut Frame<'_>, area: Rect, figures: &Figures) {
    let block = Block::bordered().border_style(Color::DarkGray);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let bad = |is_bad: bool| if is_bad { Color::Red } else { Color::Green };
    // A copy can be there before it is written down that the first outcome was unknown.
    let is_excess = figures.phase == Phase::Over && figures.duplicates > figures.unknown;
    let counts = [
        ("accepted", figures.accepted, Color::Reset),
        ("delivered", figures.delivered, Color::Reset),
        ("queued", figures.queued, Color::Reset),
        ("failed over", figures.failovers, Color::Reset),
        ("unknown", figures.unknown, Color::Yellow),
        ("duplicates", figures.duplicates, bad(is_excess)),
        ("lost", figures.lost, bad(figures.lost > 0)),
    ];
    let cells = Layout::horizontal([Constraint::Fill(1); 7]).split(inside);
    for ((name, count, colour), cell) in counts.into_iter().zip(cells.iter()) {
        let lines = vec![
            Line::from(name).dark_gray(),
            Line::from(count.to_string()).style(Style::from(colour)).bold(),
        ];
        frame.render_widget(Paragraph::new(lines).alignment(Alignment::Center), *cell);
    }
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, log: &[Entry]) {
    let block = Block::bordered().border_style(Color::DarkGray);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let shown = log.len().saturating_sub(inside.height.into());
    let lines: Vec<Line<'_>> = log[shown..].iter().map(line).collect();
    frame.render_widget(Paragraph::new(lines), inside);
}

/// What can be pressed, and what the colours of the strips mean.
fn draw_keys(frame: &mut Frame<'_>, area: Rect) {
    let help = " k kill or revive the primary   space pause   q quit";
    frame.render_widget(Line::from(Span::from(help).dark_gray()), area);
    let meanings = LEGEND.iter().flat_map(|(name, colour)| {
        [Span::from("● ").fg(*colour), Span::from(format!("{name}  ")).dark_gray()]
    });
    let legend: Line<'_> = meanings.collect();
    if area.width as usize >= help.chars().count() + legend.width() {
        frame.render_widget(legend.right_aligned(), area);
    }
}

fn line(entry: &Entry) -> Line<'_> {
    let colour = match entry.tone {
        Tone::Good => Color::Green,
        Tone::Bad => Color::Red,
        Tone::Between => Color::Yellow,
    };
    Line::from(vec![
        Span::from(format!("{:>6.1} s  ", entry.at.as_secs_f64())).dark_gray(),
        Span::from(entry.text.as_str()).fg(colour),
    ])
}

fn colour_of(breaker: BreakerState) -> Color {
    let [closed, open, half_open, slow_start] = LEGEND.map(|(_, colour)| colour);
    match breaker {
        BreakerState::Closed => closed,
        BreakerState::Open { .. } => open,
        BreakerState::HalfOpen => half_open,
        BreakerState::SlowStart { .. } => slow_start,
    }
}

/// The slices of each column, of as many columns as there was time for.
fn columns(history: &[Slice], width: usize) -> Vec<&[Slice]> {
    let of = |column: usize| {
        let from = column * SLICES / width;
        let to = ((column + 1) * SLICES / width).max(from + 1).min(history.len());
        history.get(from..to).filter(|slices| !slices.is_empty())
    };
    (0..width).map_while(of).collect()
}

/// Messages each second.
fn pace(slices: &[Slice], slice: f64) -> f64 {
    let taken: u64 = slices.iter().map(|slice| slice.taken).sum();
    whole(taken) / (slice * whole(slices.len() as u64))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
fn tenths(rate: f64) -> u64 {
    (rate * TENTHS).round() as u64
}

#[cfg(test)]
mod tests;
