//! What endpoints are told once more.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::RecordId;
use courierx_core::store::EventQuery;
use serde::Deserialize;
use utoipa::ToSchema;

use super::missed::{Time, missed, told};
use super::pace::Pace;
use super::{Endpoint, find};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::webhooks::Work;

/// Most events that are told once more by one request.
pub(super) const MOST: usize = 10_000;
/// Most positions that one request names.
const NAMED: usize = 1000;
/// Events that are read at once: few, as positions that are named may be far apart.
const BATCH: usize = 50;

/// What is told once more: these events, or those of a time, of the last 30 days at most.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Replay {
    /// The positions of events, as deliveries show them; at most 1000.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>)]
    pub sequences: Option<Vec<Sequence>>,
    /// What happened or was told from then on,
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// and before then.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Only what the endpoint did not take, told of it or not, unless this is false: then whatever it was told.
    #[serde(default)]
    pub failed_only: Option<bool>,
}

/// Tells an endpoint once more of what it was told or missed, under the same identifiers; answers of how many events.
pub async fn replay(ctx: &Ctx, app: &App, id: RecordId, replay: Replay) -> ServiceResult<usize> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    let endpoint = find(app, ctx.tenant, id).await?;
    if !endpoint.value.is_active {
        return Err(ServiceError::Conflict(
            "the endpoint is not active; set is_active to true first".to_owned(),
        ));
    }
    let pace = Pace::ask(app, ctx.tenant, id).await?;
    let named = replay.sequences.as_ref().map_or(0, Vec::len);
    let positions = match replay.sequences {
        Some(_) if replay.from.is_some() || replay.to.is_some() => {
            return Err(ServiceError::field("sequences", "cannot be given together with from and to"));
        }
        Some(_) if named > NAMED => {
            return Err(ServiceError::field("sequences", format!("are more than {NAMED}; name fewer")));
        }
        Some(sequences) => present(app, &endpoint, sequences).await?,
        None => {
            let from = replay
                .from
                .ok_or_else(|| ServiceError::field("from", "is missing: name from (and to), or sequences"))?;
            let time = Time::new(app, from, replay.to);
            let only_failed = replay.failed_only.unwrap_or(true);
            if only_failed {
                missed(app, &endpoint, &time).await?
            } else {
                told(app, &endpoint, &time).await?
            }
        }
    };
    if positions.len() > MOST {
        return Err(ServiceError::field("from", format!("more than {MOST} events; name a shorter time")));
    }
    // What is named and not there was looked for.
    pace.add(app, positions.len().max(named)).await?;
    let now = app.now();
    let jobs: Result<Vec<_>, _> = positions.iter().map(|at| Work::single(id, *at, 0).job(now)).collect();
    app.store.enqueue(ctx.tenant, jobs?).await?;
    Ok(positions.len())
}

/// Of these positions those at which there is an event of the tenant that its endpoint is to be told of.
async fn present(
    app: &App,
    endpoint: &Endpoint,
    sequences: Vec<Sequence>,
) -> ServiceResult<BTreeSet<Sequence>> {
    let (after, mut present) = (endpoint.value.after, BTreeSet::new());
    let named: BTreeSet<_> = sequences.into_iter().filter(|at| *at > after).collect();
    let mut next = named.first();
    while let Some(at) = next {
        let query = EventQuery::of_tenant(endpoint.tenant, Sequence(at.0 - 1), BATCH);
        let events = app.store.events(&query).await?;
        let Some(last) = events.last().map(|event| event.sequence) else { break };
        let wanted = events.iter().filter(|event| endpoint.value.wants(event.kind));
        present.extend(wanted.map(|event| event.sequence).filter(|at| named.contains(at)));
        next = named.range((Excluded(last), Unbounded)).next();
    }
    Ok(present)
}
