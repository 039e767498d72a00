//! What is measured of a store, and how it is told.

use crate::medians;
use crate::subject::Kind;

/// What each step cost, in microseconds: of a message, or of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs(pub(crate) [f64; Self::COUNT]);

impl Costs {
    pub(crate) const COUNT: usize = 4;
    pub(crate) const NAMES: [&str; Self::COUNT] = ["accept", "claim", "deliver and settle", "first page"];
}

/// A store at one size.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) size: usize,
    /// In microseconds.
    pub(crate) costs: [f64; Costs::COUNT],
    /// To the small store in the same round.
    pub(crate) ratios: [f64; Costs::COUNT],
    pub(crate) bytes_each: u64,
}

impl Point {
    /// A line of [`Growth::last`], if it is one.
    fn read(line: &str) -> Option<(Kind, Self)> {
        let (head, rest) = line.split_once(" messages: ")?;
        let (kind, size) = head.split_once(", ")?;
        let (steps, bytes) = rest.split_once("; ")?;
        let (mut costs, mut ratios) = ([0.0; Costs::COUNT], [0.0; Costs::COUNT]);
        for (index, step) in steps.split(", ").enumerate() {
            let (cost, ratio) = step.strip_prefix(Costs::NAMES.get(index)?)?.split_once(" µs (")?;
            costs[index] = cost.trim().parse().ok()?;
            ratios[index] = ratio.strip_suffix(')')?.parse().ok()?;
        }
        let bytes_each = bytes.split(' ').next()?.parse().ok()?;
        Some((Kind::named(kind)?, Self { size: size.parse().ok()?, costs, ratios, bytes_each }))
    }
}

/// A store at all sizes.
#[derive(Debug)]
pub(crate) struct Growth {
    pub(crate) kind: Kind,
    pub(crate) points: Vec<Point>,
}

impl Growth {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind, points: Vec::new() }
    }

    pub(crate) fn add(&mut self, size: usize, rounds: &[(Costs, Costs)], bytes_each: u64) {
        let costs: Vec<_> = rounds.iter().map(|(_, many)| many.0).collect();
        let ratio = |(few, many): &(Costs, Costs)| std::array::from_fn(|index| many.0[index] / few.0[index]);
        let ratios: Vec<_> = rounds.iter().map(ratio).collect();
        self.points.push(Point { size, costs: medians(&costs), ratios: medians(&ratios), bytes_each });
    }

    /// What an earlier run printed.
    pub(crate) fn read(printed: &str) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for line in printed.lines() {
            let Some((kind, point)) = Point::read(line.trim()) else { continue };
            match all.iter_mut().find(|growth| growth.kind == kind) {
                Some(growth) => growth.points.push(point),
                None => all.push(Self { kind, points: vec![point] }),
            }
        }
        all
    }

    /// The last point, as a line.
    pub(crate) fn last(&self) -> String {
        let Some(point) = self.points.last() else { return String::new() };
        let each: Vec<_> = (0..Costs::COUNT)
            .map(|index| {
                let (cost, ratio) = (point.costs[index], point.ratios[index]);
                format!("{} {cost:.0} µs ({ratio:.2})", Costs::NAMES[index])
            })
            .collect();
        let (kind, size, bytes) = (self.kind.name(), point.size, point.bytes_each);
        format!("{kind}, {size} messages: {}; {bytes} bytes each on disk", each.join(", "))
    }
}
