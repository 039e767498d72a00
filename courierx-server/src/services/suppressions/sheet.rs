//! Cells of a table that people open in a spreadsheet.

use std::borrow::Cow;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Whether a cell is a formula, maybe one that was made harmless already.
fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA)
}

/// A cell that no spreadsheet computes: an apostrophe stands before it.
pub(super) fn harmless(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell that [`harmless`] made this one of; any other is itself.
pub(super) fn original(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, expected) in [
            ("ada@example.com", "ada@example.com"),
            ("@example.com", "'@example.com"),
            ("=1+1", "'=1+1"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1", "''=1"),
            ("'quoted'", "'quoted'"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), expected);
            assert_eq!(original(expected), cell);
        }
        assert_eq!(original("@example.com"), "@example.com", "what nobody made harmless");
    }

    proptest! {
        #[test]
        fn what_was_made_harmless_comes_back(cell in "['=+@\t\ra-]{0,6}") {
            let safe = harmless(&cell);
            prop_assert!(!safe.starts_with(FORMULA));
            prop_assert_eq!(original(&safe), &cell);
        }
    }
}
