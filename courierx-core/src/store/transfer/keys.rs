//! Whether the keys at hand are those of what is moved.

use super::{Export, Table, Value};
use crate::id::TenantId;
use crate::store::canary::{self, CANARY_KIND, CanaryError};
use crate::vault::Vault;

/// Checks that `vault` has every key that the source is sealed with, as
/// [`look_at_canary`](crate::store::look_at_canary) does of a store. What is moved stays sealed: without its keys
/// nobody could read it.
pub async fn check_keys(source: &dyn Export, vault: &Vault) -> Result<(), CanaryError> {
    let Some(configs) = Table::named("configs") else { return Ok(()) };
    let (mut canaries, mut after) = (Vec::new(), None);
    loop {
        let page = source.export(configs, after.as_ref()).await?;
        for row in &page.items {
            if let [Value::Id(tenant), Value::Text(kind), .., Value::Text(body)] = row.as_slice()
                && (TenantId::from_bytes(*tenant), kind.as_str()) == (TenantId::DEFAULT, CANARY_KIND)
            {
                canaries.push(canary::parse(body)?);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return canary::open_all(&canaries, vault).map(|_| ()),
        }
    }
}
