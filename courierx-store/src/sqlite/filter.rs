//! What is certainly not suppressed, without asking the database.
//!
//! Every message asks for each of its recipients, twice, and nearly always the answer is no. A Bloom filter
//! over the patterns of all tenants answers that from memory: "no" is certain, anything else is looked up.
//! Entries enter it before the commit that makes them visible, so no reader ever misses one; removed and
//! expired ones stay until the store is opened anew, and cost a look-up.

use std::hash::RandomState;

use courierx_core::id::TenantId;
use courierx_core::message::AddressKey;
use courierx_core::suppression::Pattern;
use fastbloom::AtomicBloomFilter;
use rusqlite::Connection;

/// Patterns that the filter has room for beyond those it starts with. A hundred thousand take 120 KB.
const ROOM: usize = 100_000;
/// How many of those who are not suppressed are looked up all the same while there is room.
const FALSE_POSITIVES: f64 = 0.01;

/// The patterns of every tenant, and a few more.
pub(super) struct Filter {
    patterns: AtomicBloomFilter<RandomState>,
}

impl Filter {
    /// The filter for what the database holds.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let count: i64 =
            connection.query_row("SELECT count(*) FROM courierx_suppressions", [], |row| row.get(0))?;
        let room = usize::try_from(count).unwrap_or(0).saturating_mul(2).saturating_add(ROOM);
        let patterns = AtomicBloomFilter::with_false_pos(FALSE_POSITIVES)
            .hasher(RandomState::new())
            .expected_items(room);
        let filter = Self { patterns };
        let mut select = connection.prepare("SELECT tenant, pattern FROM courierx_suppressions")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            filter.add(TenantId::from_bytes(row.get(0)?), row.get_ref(1)?.as_str()?);
        }
        Ok(filter)
    }

    /// Takes note of an entry that is about to be committed.
    pub(super) fn add(&self, tenant: TenantId, pattern: &str) {
        self.patterns.insert(&(tenant, pattern));
    }

    /// Whether an entry may match the address: its own, or one for its domain.
    pub(super) fn may_match(&self, tenant: TenantId, address: &AddressKey) -> bool {
        self.patterns.contains(&(tenant, address.as_str()))
            || self.patterns.contains(&(tenant, Pattern::domain_of(address).as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_always_found_and_hardly_anything_else() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE courierx_suppressions (tenant BLOB, pattern TEXT)").unwrap();
        let filter = Filter::load(&connection).unwrap();
        let (tenant, other) = (TenantId::new(), TenantId::new());
        let address =
            |name: usize, domain: &str| -> AddressKey { format!("u{name}@{domain}").parse().unwrap() };
        for name in 0..10_000 {
            filter.add(tenant, address(name, "added.example").as_str());
        }
        filter.add(tenant, "@closed.example");
        assert!((0..10_000).all(|name| filter.may_match(tenant, &address(name, "added.example"))));
        assert!(filter.may_match(tenant, &address(1, "closed.example")));
        let wrong = (0..10_000)
            .filter(|name| {
                filter.may_match(tenant, &address(*name, "open.example"))
                    || filter.may_match(other, &address(*name, "added.example"))
            })
            .count();
        assert!(wrong < 100, "{wrong} of 10,000");
    }
}
