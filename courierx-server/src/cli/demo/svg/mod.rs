//! Pictures of a terminal as one animated SVG, without scripts: what stays the same is written once.

mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::Color;

use self::shape::{CELL, Shape, shapes};

/// How long a picture is shown, and the last one; in seconds.
const EACH: f64 = 0.9;
const LAST: f64 = 4.0;
/// Around the terminal, in pixels.
const MARGIN: u32 = 12;
const TITLE: &str = "courierx demo --chaos: a provider is killed under a stream of mail, the mail takes the other \
                     way, and comes back slowly once the provider is revived; nothing is lost";

/// In which pictures something is to be seen: from this one to before that one.
type Span = (usize, usize);

/// The pictures one after the other, for ever. Who wants no motion sees the last one.
pub(super) fn animation(pictures: &[Buffer]) -> String {
    let spans = spans(pictures);
    let by_span = spans.into_iter().fold(BTreeMap::<Span, Vec<Shape>>::new(), |mut all, (span, shape)| {
        all.entry(span).or_default().push(shape);
        all
    });
    let (width, height) = pictures.first().map_or((1, 1), |first| (first.area.width, first.area.height));
    let (width, height) = (u32::from(width) * CELL.0 + 2 * MARGIN, u32::from(height) * CELL.1 + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-{MARGIN} -{MARGIN} {width} {height}\" role=\"img\">\n\
         <title>{TITLE}</title>\n{}\
         <rect x=\"-{MARGIN}\" y=\"-{MARGIN}\" width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#0d1117\"/>\n",
        style(&by_span, pictures.len())
    );
    for (span, shapes) in &by_span {
        let _ = writeln!(
            svg,
            "<g{}>",
            class(*span, pictures.len()).map_or_else(String::new, |name| format!(" class=\"{name}\""))
        );
        for shape in shapes {
            let _ = writeln!(svg, "{shape}");
        }
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// Each shape with the pictures that have it, one after the other.
fn spans(pictures: &[Buffer]) -> Vec<(Span, Shape)> {
    let (mut open, mut spans) = (BTreeMap::<Shape, usize>::new(), Vec::new());
    for (at, picture) in pictures.iter().enumerate() {
        let now: BTreeSet<Shape> = shapes(picture).into_iter().collect();
        let gone: Vec<Shape> = open.keys().filter(|shape| !now.contains(shape)).cloned().collect();
        for shape in gone {
            let from = open.remove(&shape).unwrap_or(at);
            spans.push(((from, at), shape));
        }
        for shape in now {
            open.entry(shape).or_insert(at);
        }
    }
    spans.extend(open.into_iter().map(|(shape, from)| ((from, pictures.len()), shape)));
    spans
}

/// The class of what is to be seen for so long; none for what is always there.
fn class((from, to): Span, count: usize) -> Option<String> {
    ((from, to) != (0, count)).then(|| format!("t{from}-{to}"))
}

fn style(by_span: &BTreeMap<Span, Vec<Shape>>, count: usize) -> String {
    let length = EACH * number(count.saturating_sub(1)) + LAST;
    let moment = |picture: usize| number(picture) * EACH / length * 100.0;
    let mut css = String::from(
        "<style>\ntext{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}\n\
         .b{font-weight:bold}path{stroke:none}.l{fill:none!important;stroke:#6e7681}\n",
    );
    let colours: BTreeSet<&str> = by_span.values().flatten().map(|shape| shape.colour).collect();
    for colour in colours {
        let _ = writeln!(css, ".c{colour}{{fill:#{colour}}}");
    }
    for span in by_span.keys() {
        let Some(name) = class(*span, count) else { continue };
        let (from, to) = *span;
        let base = if to == count { "visible" } else { "hidden" };
        let _ = write!(
            css,
            ".{name}{{visibility:{base};animation:{name} {length:.1}s step-end infinite}}@keyframes {name}{{"
        );
        if from > 0 {
            css.push_str("0%{visibility:hidden}");
        }
        let _ = write!(css, "{:.2}%{{visibility:visible}}", moment(from));
        if to < count {
            let _ = write!(css, "{:.2}%{{visibility:hidden}}", moment(to));
        }
        css.push_str("}\n");
    }
    css.push_str("@media(prefers-reduced-motion:reduce){g{animation:none!important}}\n</style>\n");
    css
}

fn number(count: usize) -> f64 {
    super::figures::whole(count as u64)
}

/// The colours of a terminal, on a dark ground.
const fn hex(colour: Color) -> &'static str {
    match colour {
        Color::Red => "f85149",
        Color::Green => "3fb950",
        Color::Yellow => "d29922",
        Color::Blue => "58a6ff",
        Color::Magenta => "bc8cff",
        Color::Cyan => "39c5cf",
        Color::DarkGray => "8b949e",
        _ => "e6edf3",
    }
}

#[cfg(test)]
mod tests;
