//! Scenarios that told of a defect, as small as they could be made, and stay repaired.

use super::scenario::Scenario;

pub(super) fn all() -> Vec<Scenario> {
    Vec::new()
}
