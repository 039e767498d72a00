//! Does a job: tells an endpoint of events, and sees to what it did not take.

use std::collections::HashMap;

use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, Sequence};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{Claimed, ConfigsExt, EventQuery, Job, JobNext, NewJob, Versioned, WebhookTry};
use courierx_core::webhook::Schedule;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::about::{About, abouts};
use super::disable::{GONE, TOO_LONG, disable, note_failure, note_success};
use super::job::Work;
use super::patience::MayAsk;
use super::payload::Payload;
use super::request::{Answered, Asked};
use crate::App;
use crate::error::ServiceResult;
use crate::model::webhook_endpoints::WebhookEndpoint;

/// Events that are read at once.
const BATCH: usize = 500;

/// Does a job; what is left of it stands in the queue again.
pub(super) async fn tell(app: &App, claimed: Claimed) -> ServiceResult<()> {
    let Claimed { job, lease, .. } = claimed;
    let next = match serde_json::from_slice::<Work>(&job.payload) {
        Ok(work) => do_work(app, &job, work).await?,
        Err(error) => {
            tracing::error!(job = job.id.0, %error, "a webhook's job cannot be read");
            JobNext::Finish
        }
    };
    app.store.finish(&[(lease, next)]).await?;
    Ok(())
}

async fn do_work(app: &App, job: &Job, work: Work) -> ServiceResult<JobNext> {
    let endpoint = app.store.get::<WebhookEndpoint>(job.tenant, work.endpoint).await?;
    // It was removed or switched off since.
    let Some(endpoint) = endpoint.filter(|endpoint| endpoint.value.is_active) else {
        return Ok(JobNext::Finish);
    };
    let (place, at_once) = match app.webhooks.patience.ask(endpoint.id, app.now()).await {
        MayAsk::Yes(place, at_once) => (place, at_once),
        MayAsk::NotBefore(at) => return Ok(JobNext::RetryAt { at, round: job.round }),
    };
    let mut round =
        Round { app, tenant: job.tenant, endpoint: &endpoint, job, work, new: Vec::new(), log: Vec::new() };
    let next = round.go(at_once).await?;
    let Round { new, log, .. } = round;
    drop(place);
    // A crash between these two repeats what was told, under the same identifiers.
    if !new.is_empty() {
        app.store.enqueue(job.tenant, new).await?;
    }
    app.store.log_webhooks(log).await?;
    Ok(next)
}

/// One job's turn.
struct Round<'a> {
    app: &'a App,
    tenant: TenantId,
    endpoint: &'a Versioned<WebhookEndpoint>,
    job: &'a Job,
    work: Work,
    new: Vec<NewJob>,
    log: Vec<WebhookTry>,
}

impl Round<'_> {
    async fn go(&mut self, at_once: usize) -> ServiceResult<JobNext> {
        let asked = Asked::new(self.app, self.endpoint)?;
        loop {
            let mut events = self.events().await?;
            let Some(last) = events.last().map(|event| event.sequence) else { return Ok(JobNext::Finish) };
            let is_all = last >= self.work.until || events.len() < BATCH;
            let endpoint = &self.endpoint.value;
            events.retain(|event| endpoint.wants(event.kind) && event.sequence > endpoint.after);
            let abouts = abouts(self.app, self.tenant, &events).await?;
            let is_wanted = |event: &&Event| {
                let about = event.message.and_then(|message| abouts.get(&message));
                about.is_none_or(|about| about.stored.record.mode == endpoint.mode)
            };
            let wanted: Vec<_> = events.iter().filter(is_wanted).collect();
            if self.work.tries > 0 || self.job.round > 0 {
                return match wanted.first() {
                    Some(event) => self.again(&asked, event, &abouts).await,
                    // It was purged.
                    None => Ok(JobNext::Finish),
                };
            }
            if let Some(next) = self.all(&asked, &wanted, &abouts, at_once).await? {
                return Ok(next);
            }
            if is_all {
                return Ok(JobNext::Finish);
            }
            self.work.after = last;
        }
    }

    /// The next events of the job.
    async fn events(&self) -> ServiceResult<Vec<Event>> {
        let query = EventQuery::of_tenant(self.tenant, self.work.after, BATCH);
        let mut events = self.app.store.events(&query).await?;
        events.retain(|event| event.sequence <= self.work.until);
        Ok(events)
    }

    /// Tells of all of these, unless the endpoint turns out to be away; then answers what becomes of the job.
    async fn all(
        &mut self,
        asked: &Asked<'_>,
        wanted: &[&Event],
        abouts: &HashMap<MessageId, About>,
        at_once: usize,
    ) -> ServiceResult<Option<JobNext>> {
        let mut waiting = wanted.iter();
        let mut under_way = FuturesUnordered::new();
        let (mut begun, mut rests) = (self.work.after, None);
        loop {
            while rests.is_none()
                && under_way.len() < at_once
                && let Some(event) = waiting.next()
            {
                begun = event.sequence;
                under_way.push(first(asked, event, abouts));
            }
            let Some((at, answered)) = under_way.next().await else { break };
            if self.settle(at, 1, answered?).await? {
                return Ok(Some(JobNext::Finish));
            }
            rests = self.app.webhooks.patience.may(self.endpoint.id, self.app.now());
        }
        let Some(at) = rests else { return Ok(None) };
        // What was not begun is left for when it answers again.
        self.new.push(Work { after: begun, ..self.work }.job(at)?);
        Ok(Some(JobNext::Finish))
    }

    /// Tells of one once more.
    async fn again(
        &mut self,
        asked: &Asked<'_>,
        event: &Event,
        abouts: &HashMap<MessageId, About>,
    ) -> ServiceResult<JobNext> {
        let number = self.work.tries + self.job.round + 1;
        let about = event.message.and_then(|message| abouts.get(&message));
        let answered = asked.tell(&Payload::of(event, about), Some(event.sequence), number).await?;
        let taken = answered.entry.taken();
        let wait = Schedule::wait(number, answered.retry_after);
        let at = wait.map(|wait| self.app.now().after(wait));
        self.note(answered, at).await?;
        Ok(match at {
            Some(at) if !taken => JobNext::RetryAt { at, round: self.job.round + 1 },
            _ => JobNext::Finish,
        })
    }

    /// Writes down an answer; what was not taken becomes a job of its own. Answers whether the endpoint is told nothing
    /// any more.
    async fn settle(&mut self, at: Sequence, number: u32, answered: Answered) -> ServiceResult<bool> {
        let next = Schedule::wait(number, answered.retry_after).map(|wait| self.app.now().after(wait));
        if !answered.entry.taken()
            && let Some(next) = next
        {
            self.new.push(Work::single(self.endpoint.id, at, number).job(next)?);
        }
        self.note(answered, next).await
    }

    async fn note(&mut self, answered: Answered, next: Option<Timestamp>) -> ServiceResult<bool> {
        let (id, is_gone, taken) = (self.endpoint.id, answered.is_gone(), answered.entry.taken());
        let next_at = if taken || is_gone { None } else { next };
        let number = answered.entry.number;
        self.log.push(WebhookTry { next_at, ..answered.entry });
        if taken {
            note_success(self.app, self.tenant, id, number).await?;
            return Ok(false);
        }
        self.app.webhooks.patience.failed(id, self.app.now());
        let reason = if is_gone {
            GONE
        } else if note_failure(self.app, self.tenant, id, next).await? {
            TOO_LONG
        } else {
            return Ok(false);
        };
        disable(self.app, self.tenant, id, reason).await?;
        Ok(true)
    }
}

/// Tells of an event for the first time.
async fn first(
    asked: &Asked<'_>,
    event: &Event,
    abouts: &HashMap<MessageId, About>,
) -> (Sequence, ServiceResult<Answered>) {
    let about = event.message.and_then(|message| abouts.get(&message));
    (event.sequence, asked.tell(&Payload::of(event, about), Some(event.sequence), 1).await)
}
