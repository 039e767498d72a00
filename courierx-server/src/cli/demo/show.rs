//! The demonstration itself: keeps to its plan, and counts.

use std::time::{Duration, Instant};

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::event::EventKind;
use courierx_core::router::{BreakerState, Transition};
use tokio::time::MissedTickBehavior;

use super::DemoError;
use super::engine::{Engine, Note, is_end};
use super::figures::{Figures, Incident, Phase, SLICES, Slice, Tone};
use super::plan::{Cue, Plan};
use super::record::Record;
use super::screen::{Key, Screen};
use super::stage::{Failure, Stage};
use super::stream::{self, Stream};
use super::tally::Tally;
use crate::cli::signals::Signals;

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long what is queued at the end may take.
const LAST_PATIENCE: Duration = Duration::from_secs(20);

/// All that takes part.
pub(super) struct Show {
    plan: Plan,
    stage: Stage,
    engine: Engine,
    stream: Option<Stream>,
    tally: Tally,
    figures: Figures,
    /// The failure that the next kill brings about, if a person kills.
    next_failure: Failure,
    /// What the vendors had taken when the last slice began.
    sliced: [usize; 2],
    killed_at: Timestamp,
}

impl Show {
    pub(super) async fn start(plan: Plan) -> Result<Self, DemoError> {
        let stage = Stage::start().await.map_err(DemoError::Stage)?;
        let engine = Engine::start(&stage, &plan).await?;
        let stream = Some(Stream::start(engine.outbox.clone()));
        let figures = Figures::new(Stage::NAMES, plan.length, plan.rate);
        Ok(Self {
            plan,
            stage,
            engine,
            stream,
            tally: Tally::default(),
            figures,
            next_failure: Failure::Refuses,
            sliced: [0; 2],
            killed_at: Timestamp::EPOCH,
        })
    }

    /// Runs it to its end, and returns what there is to tell.
    pub(super) async fn run(
        mut self,
        screen: &mut Screen,
        record: &mut Option<Record>,
    ) -> Result<Figures, DemoError> {
        let mut signals = Signals::listen().map_err(DemoError::Signals)?;
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last, mut drained_by) = (Instant::now(), None);
        while self.figures.phase != Phase::Over {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = signals.next() => self.press(Key::Quit).await,
            }
            for key in screen.keys()? {
                self.press(key).await;
            }
            let step = last.elapsed();
            last += step;
            self.tick(step).await?;
            if self.figures.phase == Phase::Draining {
                let until = *drained_by.get_or_insert_with(|| last + LAST_PATIENCE);
                self.close(last >= until).await?;
            }
            screen.show(&self.figures)?;
            if let Some(record) = record {
                record.look(&self.figures);
            }
        }
        let Self { engine, figures, .. } = self;
        engine.stop().await?;
        Ok(figures)
    }

    async fn press(&mut self, key: Key) {
        let phase = &mut self.figures.phase;
        match (key, *phase) {
            (Key::Quit, Phase::Running | Phase::Paused) => *phase = Phase::Draining,
            // Whoever asks twice does not want to wait for the rest.
            (Key::Quit, Phase::Draining | Phase::Over) => *phase = Phase::Over,
            (Key::Pause, Phase::Running) => *phase = Phase::Paused,
            (Key::Pause, Phase::Paused) => *phase = Phase::Running,
            (Key::Kill, Phase::Running | Phase::Paused) => {
                self.plan.improvise();
                let cue = match self.stage.failure() {
                    Some(_) => Cue::Revive,
                    None => Cue::Kill(self.next_failure),
                };
                self.follow(cue).await;
            }
            (Key::Pause | Key::Kill, Phase::Draining | Phase::Over) => {}
        }
    }

    /// One step: what is due, what is sent, what is counted.
    async fn tick(&mut self, step: Duration) -> Result<(), DemoError> {
        if self.figures.phase != Phase::Paused {
            self.figures.elapsed += step;
        }
        while self.figures.phase == Phase::Running
            && let Some(cue) = self.plan.due(self.figures.elapsed)
        {
            self.follow(cue).await;
        }
        if self.figures.phase == Phase::Running {
            let sent =
                self.figures.elapsed.min(self.plan.last_mail).as_secs_f64() * f64::from(self.plan.rate);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a few hundred thousand"
            )]
            let sent = sent as u32;
            if let Some(stream) = &self.stream {
                stream.want(sent);
            }
            let is_over = self.stream.as_ref().is_some_and(Stream::is_over);
            if is_over || self.figures.elapsed >= self.plan.length {
                self.figures.phase = Phase::Draining;
            }
        }
        if let Some(stream) = &mut self.stream {
            for (number, message) in stream.accepted() {
                self.tally.accept(number, message);
            }
        }
        self.look().await
    }

    /// Sends nothing new, and ends when what is queued is delivered, or it is too late.
    async fn close(&mut self, is_late: bool) -> Result<(), DemoError> {
        if let Some(stream) = self.stream.take() {
            for (number, message) in stream.finish().await? {
                self.tally.accept(number, message);
            }
        } else if self.figures.queued == 0 || is_late {
            // Looked at once more after everything was settled: this is the count that matters.
            self.look().await?;
            self.figures.lost = self.tally.not_arrived().saturating_sub(self.figures.queued);
            self.figures.phase = Phase::Over;
        }
        Ok(())
    }

    async fn follow(&mut self, cue: Cue) {
        let (name, at) = (Stage::NAMES[0], self.figures.elapsed);
        match cue {
            Cue::Kill(failure) => {
                self.next_failure = failure.next();
                self.killed_at = SystemClock.now();
                self.stage.kill(failure).await;
                self.figures.tell(Tone::Bad, format!("{name} is killed: it {failure}"));
                let incident = Incident {
                    failure,
                    killed_at: at,
                    first_failover: None,
                    revived_at: None,
                    full_share: None,
                };
                self.figures.incidents.push(incident);
            }
            Cue::Revive => {
                self.stage.revive().await;
                self.figures.tell(Tone::Good, format!("{name} is revived"));
                if let Some(incident) = self.figures.incidents.last_mut() {
                    incident.revived_at = Some(at);
                }
            }
        }
        self.figures.failure = self.stage.failure();
    }

    /// Reads everything there is to read.
    async fn look(&mut self) -> Result<(), DemoError> {
        for note in self.engine.notes() {
            self.hear(&note);
        }
        self.look_at_connections();
        // Before the events' arrivals: what the engine is done with has arrived by then, or never will.
        for event in self.engine.events().await? {
            if event.kind == EventKind::OutcomeUnknown && event.attempt.is_some() {
                self.tally.doubt();
            }
            if let (true, Some(message)) = (is_end(&event), event.message) {
                self.tally.end(message);
            }
        }
        for number in self.stage.arrived().iter().filter_map(stream::number) {
            self.tally.arrive(number);
        }
        let (figures, tally) = (&mut self.figures, &mut self.tally);
        figures.queued = self.engine.depth().await?;
        figures.accepted = tally.accepted();
        figures.delivered = tally.delivered();
        figures.duplicates = tally.duplicates();
        figures.unknown = tally.unknown();
        figures.lost = tally.lost();
        Ok(())
    }

    /// What the router told.
    fn hear(&mut self, note: &Note) {
        match note {
            Note::FailedOver(at) => {
                self.figures.failovers += 1;
                let after = at.since(self.killed_at);
                if let Some(incident) = self.figures.incidents.last_mut() {
                    incident.first_failover.get_or_insert(after);
                }
            }
            Note::Moved(id, Transition::Opened { .. }) => {
                self.figures
                    .tell(Tone::Bad, format!("{id} fails: its breaker opens, mail takes the other way"));
            }
            Note::Moved(id, Transition::Reopened { .. }) => {
                self.figures.tell(Tone::Bad, format!("{id} still fails: its breaker opens again"));
            }
            Note::Moved(id, Transition::Closed) => {
                self.figures
                    .tell(Tone::Between, format!("{id} works again: its breaker closes, a slow start"));
            }
        }
    }

    fn look_at_connections(&mut self) {
        let (now, taken) = (SystemClock.now(), self.stage.taken());
        let healths: Vec<_> = self.engine.health(now).collect();
        for (at, health) in healths.into_iter().enumerate() {
            let before = self.figures.providers[at].breaker;
            self.compare(at, before, health.breaker);
            let provider = &mut self.figures.providers[at];
            provider.breaker = health.breaker;
            provider.open_for = match health.breaker {
                BreakerState::Open { until } => until.since(now),
                _ => Duration::ZERO,
            };
            provider.in_flight = health.in_flight;
            provider.in_flight_limit = health.in_flight_limit;
            provider.latency = health.latency;
            provider.taken = taken[at] as u64;
        }
        self.slice(taken);
    }

    /// Tells of what the router does not: steps of the slow start, and its end.
    fn compare(&mut self, at: usize, before: BreakerState, after: BreakerState) {
        let name = Stage::NAMES[at];
        match (before, after) {
            (BreakerState::SlowStart { share: before }, BreakerState::SlowStart { share })
                if before == share => {}
            (_, BreakerState::SlowStart { share }) => {
                let text = format!("{name} gets {:.0} % of its mail", share * 100.0);
                self.figures.tell(Tone::Between, text);
            }
            (BreakerState::Open { .. }, BreakerState::HalfOpen) => {
                let text = format!("{name} is probed, with one message at a time");
                self.figures.tell(Tone::Between, text);
            }
            (BreakerState::SlowStart { .. }, BreakerState::Closed) => {
                self.figures.tell(Tone::Good, format!("{name} has its full share again"));
            }
            _ => {}
        }
        let elapsed = self.figures.elapsed;
        if at == 0
            && after == BreakerState::Closed
            && let Some(incident) = self.figures.incidents.last_mut()
            && let Some(revived) = incident.revived_at
        {
            incident.full_share.get_or_insert(elapsed.saturating_sub(revived));
        }
    }

    /// Shares what was taken out among the slices of time that are over.
    fn slice(&mut self, taken: [usize; 2]) {
        let done = self.figures.providers[0].history.len();
        let over = self.figures.elapsed.as_micros() / self.figures.slice().as_micros().max(1);
        let new = usize::try_from(over).unwrap_or(SLICES).min(SLICES).saturating_sub(done);
        if new == 0 {
            return;
        }
        let providers = self.figures.providers.iter_mut().zip(taken).zip(&mut self.sliced);
        for ((provider, taken), sliced) in providers {
            let sum = taken - std::mem::replace(sliced, taken);
            provider.history.extend((0..new).map(|at| Slice {
                taken: (sum * (at + 1) / new - sum * at / new) as u64,
                breaker: provider.breaker,
            }));
        }
    }
}
