//! Whether two tables hold the same rows, in whatever order.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Row, Value};

/// How many rows there are, and the sum of their digests: the same for the same rows in any order.
///
/// It finds what went wrong, not what somebody forged: that content is genuine, its seal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many rows.
    pub rows: u64,
    sum: [u64; 4],
}

impl Tally {
    /// Counts a row.
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        let mut hash = Sha256::new();
        for value in row {
            // The length goes first, so no two rows have the same bytes.
            match value {
                Value::Null => hash.update([0]),
                Value::Id(id) => hash.update([[1].as_slice(), id].concat()),
                Value::Int(number) => hash.update([[2].as_slice(), &number.to_be_bytes()].concat()),
                Value::Bool(value) => hash.update([3, u8::from(*value)]),
                Value::Text(text) => long(&mut hash, 4, text.as_bytes()),
                Value::Bytes(bytes) => long(&mut hash, 5, bytes),
            }
        }
        for (sum, part) in self.sum.iter_mut().zip(hash.finalize().chunks_exact(8)) {
            let part = part.iter().fold(0, |part, byte| part << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(part);
        }
    }
}

fn long(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}

impl fmt::Display for Tally {
    /// The number of rows and the beginning of their digest, which is enough to compare by eye.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, digest {:016x}", self.rows, self.sum[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: &[Row]) -> Tally {
        let mut tally = Tally::default();
        for row in rows {
            tally.add(row);
        }
        tally
    }

    #[test]
    fn the_same_rows_are_the_same_in_any_order_and_others_are_not() {
        let text = |text: &str| Value::Text(text.to_owned());
        let (a, b) = (vec![text("a"), Value::Int(1)], vec![text("b"), Value::Null]);
        assert_eq!(tally(&[a.clone(), b.clone()]), tally(&[b.clone(), a.clone()]));
        assert_ne!(tally(&[a.clone(), a.clone()]), tally(&[b.clone(), b.clone()]));
        assert_ne!(tally(std::slice::from_ref(&a)), tally(&[a.clone(), a.clone()]));
        assert_ne!(tally(&[vec![text("ab"), text("c")]]), tally(&[vec![text("a"), text("bc")]]));
        assert_ne!(tally(&[vec![text("1")]]), tally(&[vec![Value::Bytes(b"1".to_vec())]]));
        assert_ne!(tally(&[vec![Value::Bool(false)]]), tally(&[vec![Value::Null]]));
    }
}
