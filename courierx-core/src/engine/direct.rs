//! Sending now: one round for a caller who waits, without a queue.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::apart::{Apart, is_heavy};
use super::hand_over::{Admitted, Denials, Denied, admit, hand_over};
use super::quotas::{Held, NoRoom, hold, settle};
use super::render::{RenderError, render};
use super::round::Round;
use super::sharing::{self, Events, ProbeLease, catch_up, lease, tell};
use crate::clock::Clock;
use crate::id::{MessageId, TenantId};
use crate::message::{AddressKey, Email, InvalidEmail, Lane};
use crate::provider::{Content, Outcome, RecipientOutcome, Refusal, RefusalKind};
use crate::router::{
    Ask, Connection, ConnectionId, Decision, Explanation, History, Pass, Router, Skipped, patience,
};
use crate::store::{Store, StoreError};
use crate::tracking::needs_tracker;

/// The places of rendering that takes long, for all who send now in this process.
static APART: LazyLock<Apart> = LazyLock::new(Apart::default);

/// Sends messages now, over whichever connection works, and tells what became of them.
///
/// Nothing is kept: what a crash interrupts is lost, and a message that cannot go out now is the caller's
/// again. For messages that must arrive there is [`Outbox`](super::Outbox).
#[derive(Debug, Clone)]
pub struct Direct {
    router: Router,
    clock: Arc<dyn Clock>,
    /// Whose suppressions are honoured.
    suppressions: Option<(Arc<dyn Store>, TenantId)>,
    /// Whose connections they are: where what is known and taken of them is shared.
    shared: Option<(Arc<dyn Store>, TenantId)>,
    timeout: Duration,
}

impl Direct {
    /// Sends over these connections.
    pub fn new(router: Router, clock: Arc<dyn Clock>) -> Self {
        Self { router, clock, suppressions: None, shared: None, timeout: Duration::from_secs(30) }
    }

    /// Honours the suppressions that this store keeps for this tenant.
    #[must_use]
    pub fn with_suppressions(mut self, store: Arc<dyn Store>, tenant: TenantId) -> Self {
        self.suppressions = Some((store, tenant));
        self
    }

    /// Takes the connections for this tenant's: all who send over them with this store count their quotas together,
    /// and tell each other how they do. Without it this process does so by itself.
    #[must_use]
    pub fn with_shared_connections(mut self, store: Arc<dyn Store>, tenant: TenantId) -> Self {
        self.shared = Some((store, tenant));
        self
    }

    /// How long one hand-over may take up to the end of the body; 30 seconds unless set.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends a message to every recipient now, failing over between connections as their answers allow.
    ///
    /// `Ok` means that a provider took responsibility for every recipient that is not suppressed. Whatever
    /// else happened is in [`SendError::NotSent`], recipient by recipient.
    pub async fn send(&self, email: &Email) -> Result<Sent, SendError> {
        let now = self.clock.now();
        email.check_dates(now)?;
        let suppressed = self.suppressed(email).await?;
        if suppressed.len() == email.recipient_count() {
            return Err(SendError::Suppressed);
        }
        // What readers do would have to be written down somewhere.
        if needs_tracker(email) {
            return Err(RenderError::NoTracker.into());
        }
        let source = email.clone();
        let content = APART.run(is_heavy(email), move || render(&source)).await?;
        let message = MessageId::new();
        let mut round = Round::new(message, now, email, content, History::default(), |index| {
            !suppressed.contains(&index)
        })
        .at_once();
        let mut report = Report::new(email.recipient_count());
        let walked = self.walk(email.lane(), &mut round, &mut report).await;
        if let Err(error) = walked
            && report.tried.is_empty()
        {
            return Err(error.into());
        }
        report.finish(message, suppressed)
    }

    /// Where the message would go now, and why: the decision, and what is known of every connection.
    ///
    /// Of a caller who waits: what is kept first can wait itself, and [`Outbox::explain`](super::Outbox::explain) tells
    /// of that.
    pub fn explain(&self, email: &Email) -> Explanation {
        let now = self.clock.now();
        let content = Content::literal(email.clone());
        let round = Round::new(MessageId::new(), now, email, content, History::default(), |_| true).at_once();
        round.explain(&self.router, now)
    }

    fn shared(&self) -> Option<(&dyn Store, TenantId)> {
        self.shared.as_ref().map(|(store, tenant)| (&**store, *tenant))
    }

    async fn walk(&self, lane: Lane, round: &mut Round, report: &mut Report) -> Result<(), StoreError> {
        let patience = patience(lane).min(self.timeout);
        let mut waited = Duration::ZERO;
        if let Some((store, tenant)) = self.shared() {
            catch_up(store, tenant, &self.router, self.clock.now()).await;
        }
        let cancel = CancellationToken::new();
        let mut denials = Denials::default();
        // For how many recipients there may be room in a connection's quota.
        let mut room: Option<(ConnectionId, usize)> = None;
        while !round.is_done() {
            let (id, mut recipients, ahead, again, repeats) =
                match round.decide(&self.router, self.clock.now()) {
                    Decision::Send { connection, recipients, ahead, again, repeats, skipped } => {
                        report.skipped.extend(skipped);
                        (connection, recipients, ahead, again, repeats)
                    }
                    Decision::Rest { skipped, .. } => {
                        report.skipped.extend(skipped);
                        return Ok(());
                    }
                };
            let Some(connection) = self.router.connection(&id) else { return Ok(()) };
            if let Some((_, room)) = room.as_ref().filter(|(of, _)| *of == id && !repeats) {
                recipients.truncate(*room);
            }
            let content = round.content();
            let from_domain = content.email().from().address().domain();
            let ask = Ask { lane, from_domain, ahead, again, can_wait: round.can_wait() };
            let pass = match admit(connection, ask, &*self.clock, patience, &cancel).await {
                Admitted::Pass(pass) => pass,
                Admitted::Busy | Admitted::Canceled => {
                    // Others are looked at; where there are none, the caller's time is the limit.
                    round.is_busy(&id);
                    waited += patience;
                    if waited >= self.timeout {
                        return Ok(());
                    }
                    continue;
                }
                // Its breaker may have opened meanwhile.
                Admitted::Changed => match denials.next().await {
                    Denied::Again => continue,
                    Denied::Enough => return Ok(()),
                },
            };
            let Some((pass, lease)) = self.lease(connection, pass).await else {
                match denials.next().await {
                    Denied::Again => continue,
                    Denied::Enough => return Ok(()),
                }
            };
            let now = pass.since();
            // What is repeated under its key counts once, and what was taken for it the first time is kept.
            let amount = if repeats { 0 } else { recipients.len() };
            let held = match hold(self.shared(), connection, amount, now).await {
                Ok(held) => held,
                Err(no_room) => {
                    drop(pass);
                    self.let_others_probe(lease).await;
                    match no_room {
                        NoRoom::Store(error) => return Err(error),
                        // There may be room for some of them.
                        NoRoom::Until(_) if recipients.len() > 1 => room = Some((id, recipients.len() / 2)),
                        NoRoom::Until(until) => connection.has_no_room(until, now),
                    }
                    continue;
                }
            };
            let handed = Handed { connection, pass, held, recipients, cancel: &cancel };
            self.attempt(handed, round, report).await;
            self.let_others_probe(lease).await;
        }
        Ok(())
    }

    /// The lease that a probe needs where processes share a store; none if another one has it.
    async fn lease<'p>(
        &self,
        connection: &Connection,
        pass: Pass<'p>,
    ) -> Option<(Pass<'p>, Option<ProbeLease>)> {
        match self.shared() {
            Some((store, tenant)) => lease(store, tenant, connection, pass, self.clock.now()).await,
            None => Some((pass, None)),
        }
    }

    async fn let_others_probe(&self, lease: Option<ProbeLease>) {
        if let (Some(lease), Some((store, _))) = (lease, self.shared()) {
            lease.release(store).await;
        }
    }

    /// One hand-over, and what it shows.
    async fn attempt(&self, handed: Handed<'_>, round: &mut Round, report: &mut Report) {
        let Handed { connection, pass, held, recipients, cancel } = handed;
        let (id, recipients) = (connection.id(), &*recipients);
        if let (Some(watcher), Some(from)) = (self.router.watcher(), round.came_from(recipients, id)) {
            watcher.failed_over(from, connection);
        }
        let outgoing = round.outgoing(id, recipients);
        let outcomes = hand_over(connection, &outgoing, self.timeout, cancel).await;
        let now = self.clock.now();
        let transition = pass.finish(&outcomes, now);
        settle(self.shared(), connection, held, &outcomes).await;
        round.apply(id, recipients, &outcomes, &self.router, now);
        let news = match self.shared() {
            Some((store, tenant)) if transition.is_some() || sharing::is_worth_telling(&outcomes) => {
                let news = tell(store, tenant, connection, transition, Events::LeftToWorkers, now).await;
                news.map(|news| news.transition)
            }
            _ => transition,
        };
        if let Some(news) = news {
            sharing::report(&self.router, connection, news);
        }
        report.add(id.clone(), recipients, outcomes);
    }

    /// The positions of the recipients that are suppressed.
    async fn suppressed(&self, email: &Email) -> Result<Vec<u32>, StoreError> {
        let Some((store, tenant)) = &self.suppressions else { return Ok(Vec::new()) };
        let keys: Vec<AddressKey> =
            email.recipients().map(|recipient| recipient.mailbox.address().key()).collect();
        let entries = store.check(*tenant, &email.scope(), &keys).await?;
        let positions = (0..).zip(entries);
        Ok(positions.filter_map(|(index, entry)| entry.map(|_| index)).collect())
    }
}

/// A hand-over that is about to happen.
struct Handed<'a> {
    connection: &'a Connection,
    pass: Pass<'a>,
    held: Held,
    recipients: Vec<u32>,
    cancel: &'a CancellationToken,
}

/// Collects what became of each recipient.
struct Report {
    results: Vec<Option<RecipientOutcome>>,
    tried: Vec<Tried>,
    skipped: Vec<Skipped>,
}

impl Report {
    fn new(recipients: usize) -> Self {
        Self { results: vec![None; recipients], tried: Vec::new(), skipped: Vec::new() }
    }

    fn add(&mut self, connection: ConnectionId, recipients: &[u32], outcomes: Vec<RecipientOutcome>) {
        for (recipient, outcome) in recipients.iter().zip(&outcomes) {
            if let Some(result) = self.results.get_mut(*recipient as usize) {
                // A later refusal does not make an earlier hand-over of unknown outcome certain.
                let keep = matches!(result, Some(RecipientOutcome::Unknown(_)))
                    && matches!(outcome, RecipientOutcome::Refused(_));
                if !keep {
                    *result = Some(outcome.clone());
                }
            }
        }
        let outcome = Outcome::from_each(outcomes);
        self.tried.push(Tried { connection, recipients: recipients.to_vec(), outcome });
    }

    fn finish(self, message: MessageId, suppressed: Vec<u32>) -> Result<Sent, SendError> {
        let Self { results, tried, skipped } = self;
        let results: Vec<RecipientOutcome> = (0..)
            .zip(results)
            .map(|(index, result)| {
                result.unwrap_or_else(|| RecipientOutcome::Refused(untried(suppressed.contains(&index))))
            })
            .collect();
        let sent = (0..).zip(&results).all(|(index, result)| {
            suppressed.contains(&index) || matches!(result, RecipientOutcome::Accepted(_))
        });
        if sent {
            Ok(Sent { message, suppressed, tried })
        } else {
            let outcome = Outcome::from_each(results);
            Err(SendError::NotSent(Box::new(NotSent { message, outcome, tried, skipped })))
        }
    }
}

fn untried(suppressed: bool) -> Refusal {
    if suppressed {
        Refusal::new(RefusalKind::Suppressed, "on the suppression list")
    } else {
        Refusal::new(RefusalKind::Unavailable, "no connection could be used")
    }
}

/// One hand-over of a message that was sent directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The connection.
    pub connection: ConnectionId,
    /// For which recipients, by position.
    pub recipients: Vec<u32>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Providers took responsibility for every recipient that is not suppressed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The identifier that the message was sent under.
    pub message: MessageId,
    /// The recipients that were left out because they are suppressed, by position.
    pub suppressed: Vec<u32>,
    /// Every hand-over, in order; the last ones succeeded.
    pub tried: Vec<Tried>,
}

/// At least one recipient was not, or not certainly, sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotSent {
    /// The identifier that the message was sent under.
    pub message: MessageId,
    /// What became of every recipient, in the order of their positions. Where it is
    /// [unknown](Outcome::Unknown), sending again may duplicate the message.
    pub outcome: Outcome,
    /// Every hand-over, in order.
    pub tried: Vec<Tried>,
    /// Which connections were passed over, and why.
    pub skipped: Vec<Skipped>,
}

impl std::fmt::Display for NotSent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        for tried in &self.tried {
            let mut said: Vec<String> = Vec::new();
            for position in 0..tried.recipients.len() {
                let text = match tried.outcome.of(position) {
                    RecipientOutcome::Accepted(_) => "accepted".to_owned(),
                    RecipientOutcome::Refused(refusal) => refusal.to_string(),
                    RecipientOutcome::Unknown(unknown) => unknown.to_string(),
                };
                if !said.contains(&text) {
                    said.push(text);
                }
            }
            lines.push(format!("{}: {}", tried.connection, said.join(", ")));
        }
        lines
            .extend(self.skipped.iter().map(|skipped| format!("{}: {}", skipped.connection, skipped.reason)));
        lines.dedup();
        if lines.is_empty() {
            lines.push("there is no connection".to_owned());
        }
        f.write_str(&lines.join("; "))
    }
}

/// Why a message was not sent now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The message itself is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidEmail),
    /// Its templates are.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Every recipient is on the suppression list.
    #[error("every recipient is on the suppression list")]
    Suppressed,
    /// The suppressions could not be read; nothing was sent.
    #[error("the suppression list could not be read")]
    Store(#[from] StoreError),
    /// Not every recipient was, or was certainly, sent to.
    #[error("not sent: {0}")]
    NotSent(Box<NotSent>),
}

impl SendError {
    /// Whether the message may nevertheless reach somebody, so that sending it again may duplicate it.
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::NotSent(report) => match &report.outcome {
                Outcome::Accepted(_) | Outcome::Unknown(_) => true,
                Outcome::Refused(_) => false,
                Outcome::Mixed(each) => each.iter().any(|one| !matches!(one, RecipientOutcome::Refused(_))),
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_heavy_template_is_rendered_on_another_thread() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().expect("it starts");
        runtime.block_on(async {
            // Nothing is done on the only other thread until this is dropped.
            let (busy, until_then) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || until_then.recv());
            let direct = Direct::new(Router::new(Vec::new()).expect("it is none"), SystemClock::shared());
            let email = |text: String| {
                let email = Email::to("ada@example.com").from("hi@acme.example").subject("s").text(text);
                email.variable("name", "Ada").build().expect("it is correct")
            };
            let (light, heavy) = (
                email("Hi {{name}}".to_owned()),
                email(["-".repeat(500).as_str(), "{{name}}"].concat().repeat(900)),
            );
            let is_ready = |sending: std::pin::Pin<&mut dyn Future<Output = _>>| {
                sending.poll(&mut Context::from_waker(Waker::noop())).is_ready()
            };
            assert!(is_ready(pin!(direct.send(&light))));
            let mut sending = pin!(direct.send(&heavy));
            assert!(!is_ready(sending.as_mut()));
            drop(busy);
            let sent = sending.await;
            assert!(matches!(sent, Err(SendError::NotSent(_))), "it was rendered: {sent:?}");
        });
    }
}
