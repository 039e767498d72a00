//! What is certainly not suppressed, and where certainly nothing bounced, without asking the database.
//!
//! Every message asks for each of its recipients, twice, and nearly always the answer is no. A Bloom filter
//! over the patterns of all tenants answers that from memory: "no" is certain, anything else is looked up.
//! Entries enter it before the commit that makes them visible, so no reader ever misses one; removed and
//! expired ones stay until the store is opened anew, and cost a look-up.
//!
//! Every message that arrives ends the soft bounces of its address in a row, and nearly always there are none:
//! another filter has the addresses with such a row.

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

/// The patterns and the addresses of every tenant, and a few more.
pub(super) struct Filter {
    patterns: AtomicBloomFilter<RandomState>,
    soft_bounces: AtomicBloomFilter<RandomState>,
}

impl Filter {
    /// The filter for what the database holds.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let filled = |count: &str, select: &str| -> rusqlite::Result<_> {
            let count: i64 = connection.query_row(count, [], |row| row.get(0))?;
            let room = usize::try_from(count).unwrap_or(0).saturating_mul(2).saturating_add(ROOM);
            let filter = AtomicBloomFilter::with_false_pos(FALSE_POSITIVES)
                .hasher(RandomState::new())
                .expected_items(room);
            let mut select = connection.prepare(select)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                filter.insert(&(TenantId::from_bytes(row.get(0)?), row.get_ref(1)?.as_str()?));
            }
            Ok(filter)
        };
        Ok(Self {
            patterns: filled(
                "SELECT count(*) FROM courierx_suppressions",
                "SELECT tenant, pattern FROM courierx_suppressions",
            )?,
            soft_bounces: filled(
                "SELECT count(*) FROM courierx_soft_bounces",
                "SELECT tenant, address FROM courierx_soft_bounces",
            )?,
        })
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

    /// Takes note of an address with soft bounces in a row, which is about to be committed.
    pub(super) fn add_soft_bounce(&self, tenant: TenantId, address: &str) {
        self.soft_bounces.insert(&(tenant, address));
    }

    /// Whether the address may have soft bounces in a row.
    pub(super) fn may_have_soft_bounces(&self, tenant: TenantId, address: &AddressKey) -> bool {
        self.soft_bounces.contains(&(tenant, address.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_always_found_and_hardly_anything_else() {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE courierx_suppressions (tenant BLOB, pattern TEXT);
                      CREATE TABLE courierx_soft_bounces (tenant BLOB, address TEXT)";
        connection.execute_batch(tables).unwrap();
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
