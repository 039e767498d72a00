//! The demonstration itself: keeps to its plan, and counts.

use std::time::{Duration, Instant};

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use tokio::time::MissedTickBehavior;

use super::DemoError;
use super::engine::Engine;
use super::figures::{Figures, Incident, Phase, Tone};
use super::plan::{Cue, Plan};
use super::record::Record;
use super::screen::{Key, Screen};
use super::stage::{Failure, Stage};
use super::stream::Stream;
use super::tally::Tally;
use crate::cli::signals::Signals;

/// How often it is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long what is queued at the end may take.
const LAST_PATIENCE: Duration = Duration::from_secs(20);

/// All that takes part.
pub(super) struct Show {
    plan: Plan,
    pub(super) stage: Stage,
    pub(super) engine: Engine,
    /// None once nothing new is sent.
    stream: Option<Stream>,
    pub(super) tally: Tally,
    pub(super) figures: Figures,
    /// The failure that the next kill brings about, if a person kills.
    next_failure: Failure,
    /// What the vendors had taken when the last slice began.
    pub(super) sliced: [usize; 2],
    pub(super) killed_at: Timestamp,
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
                _ = signals.next() => self.press(Key::Quit).await?,
            }
            for key in screen.keys()? {
                self.press(key).await?;
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

    async fn press(&mut self, key: Key) -> Result<(), DemoError> {
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
                self.follow(cue).await?;
            }
            (Key::Pause | Key::Kill, Phase::Draining | Phase::Over) => {}
        }
        Ok(())
    }

    /// One step: what is due, what is sent, what is counted.
    async fn tick(&mut self, step: Duration) -> Result<(), DemoError> {
        if self.figures.phase != Phase::Paused {
            self.figures.elapsed += step;
        }
        while self.figures.phase == Phase::Running
            && let Some(cue) = self.plan.due(self.figures.elapsed)
        {
            self.follow(cue).await?;
        }
        if self.figures.phase == Phase::Running {
            if let Some(stream) = &self.stream {
                stream.want(self.plan.messages_until(self.figures.elapsed));
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

    async fn follow(&mut self, cue: Cue) -> Result<(), DemoError> {
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
                self.stage.revive().await?;
                self.figures.tell(Tone::Good, format!("{name} is revived"));
                if let Some(incident) = self.figures.incidents.last_mut() {
                    incident.revived_at = Some(at);
                }
            }
        }
        self.figures.failure = self.stage.failure();
        Ok(())
    }
}
