//! What tenants may have accepted: whoever looks at it holds it until its transaction is over, so that two that accept
//! for one tenant know of each other. Nobody holds anything for a tenant without a limit.

use std::collections::{BTreeSet, HashMap};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{Excess, NewMessage, Resolution, Statistic};
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::quotas::lock;

/// A tenant's period, by its first moment.
type Period = (TenantId, Resolution, Timestamp);

/// What is used of tenants' periods.
#[derive(Default)]
pub(in super::super) struct Used {
    /// By transactions before this one.
    before: HashMap<Period, i64>,
    /// By this one for good.
    kept: HashMap<Period, i64>,
}

impl Used {
    /// Locks and reads what these messages may use.
    pub(in super::super) async fn open(tx: &mut Tx<'_>, messages: &[&NewMessage]) -> Run<Self> {
        let mut used = Self::default();
        let limited = messages.iter().filter(|new| !new.allowances.is_empty());
        let tenants: BTreeSet<TenantId> = limited.clone().map(|new| new.tenant).collect();
        if tenants.is_empty() {
            return Ok(used);
        }
        lock(tx.connection, tenants.iter().map(|tenant| (*tenant, "", "accepted"))).await?;
        let wanted: Vec<Period> = limited
            .flat_map(|new| periods(new))
            .filter(|period| used.before.insert(*period, 0).is_none())
            .collect();
        let rows = sqlx::query(
            "SELECT wanted.place, sum(CASE c.name WHEN $4 THEN c.value ELSE -c.value END)::int8
             FROM unnest($1::uuid[], $2::int8[], $3::int8[]) WITH ORDINALITY
                  AS wanted (tenant, since, until, place)
             JOIN counters c ON c.tenant = wanted.tenant AND c.name IN ($4, $5)
                  AND c.day >= wanted.since AND c.day < wanted.until
             GROUP BY wanted.place",
        )
        .bind(wanted.iter().map(|(tenant, ..)| Uuid::from(*tenant)).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(.., start)| start.as_micros()).collect::<Vec<_>>())
        .bind(wanted.iter().map(|(_, each, start)| each.end(*start).as_micros()).collect::<Vec<_>>())
        .bind(Statistic::Accepted.counter(Mode::Live))
        .bind(Statistic::Returned.counter(Mode::Live))
        .fetch_all(&mut *tx.connection)
        .await?;
        for row in &rows {
            let place: usize = row.count(0)?;
            if let Some(period) = wanted.get(place.wrapping_sub(1)) {
                used.before.insert(*period, row.column(1)?);
            }
        }
        Ok(used)
    }

    /// Which of the messages at these places fit, one after the other, and which do not.
    pub(in super::super) fn share_out(
        &self,
        messages: &[&NewMessage],
        places: &[usize],
    ) -> (Vec<usize>, Vec<(usize, Excess)>) {
        let (mut taken, mut fits, mut over) = (self.kept.clone(), Vec::new(), Vec::new());
        for place in places {
            let new = messages[*place];
            let used = |each: Resolution| {
                let period = (new.tenant, each, each.start(new.created_at));
                let of = |sums: &HashMap<Period, i64>| sums.get(&period).copied().unwrap_or(0);
                of(&self.before) + of(&taken)
            };
            if let Some(excess) = new.excess(used) {
                over.push((*place, excess));
            } else {
                take(&mut taken, new);
                fits.push(*place);
            }
        }
        (fits, over)
    }

    /// Takes note that these are accepted.
    pub(in super::super) fn keep(&mut self, new: &[&NewMessage]) {
        for one in new {
            take(&mut self.kept, one);
        }
    }
}

fn take(sums: &mut HashMap<Period, i64>, new: &NewMessage) {
    for period in periods(new) {
        *sums.entry(period).or_default() += i64::try_from(new.uses()).unwrap_or(i64::MAX);
    }
}

fn periods(new: &NewMessage) -> impl Iterator<Item = Period> {
    new.allowances.iter().map(|one| (new.tenant, one.each, one.each.start(new.created_at)))
}
