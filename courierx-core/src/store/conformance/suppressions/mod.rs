//! The rules of [`Suppressions`](crate::store::Suppressions).

mod changes;
mod checks;
mod details;
mod lists;

pub use changes::*;
pub use checks::*;
pub use details::*;
pub use lists::*;

use super::{Subject, fixtures};
use crate::id::TenantId;
use crate::message::AddressKey;
use crate::suppression::{NewSuppression, Pattern, Reason, Scope, Suppression};

fn key(text: &str) -> AddressKey {
    fixtures::address(text).key()
}

fn pattern(text: &str) -> Pattern {
    text.parse().expect("a pattern")
}

fn entry(text: &str, reason: Reason) -> NewSuppression {
    NewSuppression::new(pattern(text), reason, "test")
}

async fn check_one(subject: &Subject, tenant: TenantId, scope: &Scope, address: &str) -> Option<Suppression> {
    let mut found = subject.store().check(tenant, scope, &[key(address)]).await.expect("check");
    assert_eq!(found.len(), 1, "there is one answer for one address");
    found.remove(0)
}
