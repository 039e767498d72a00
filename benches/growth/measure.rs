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
