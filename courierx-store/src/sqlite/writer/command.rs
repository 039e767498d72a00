//! What the writing thread is asked to do.

use courierx_core::store::{StoreError, StoreResult};
use tokio::sync::oneshot;

use super::{Run, Tx};
use crate::generations::Touches;

/// A queued command.
pub(super) trait Command: Send {
    /// Does the work and keeps its result.
    fn run(&mut self, tx: &Tx<'_>) -> Run<()>;
    /// Of whom it may change what is read.
    fn touches(&self) -> &Touches;
    /// Answers with the result of the last run, which is durable now.
    fn answer(self: Box<Self>);
    /// Answers that it failed.
    fn fail(self: Box<Self>, error: StoreError);
}

/// Commands that share a commit.
pub(super) type Group = Vec<Box<dyn Command>>;

impl std::fmt::Debug for dyn Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Command")
    }
}

/// A command that is a closure, and who waits for it.
pub(super) struct Closure<F, T> {
    work: F,
    touches: Touches,
    result: Option<T>,
    caller: oneshot::Sender<StoreResult<(T, F)>>,
}

impl<F, T> Closure<F, T> {
    pub(super) fn new(touches: Touches, work: F, caller: oneshot::Sender<StoreResult<(T, F)>>) -> Self {
        Self { work, touches, result: None, caller }
    }
}

impl<F, T> Command for Closure<F, T>
where
    F: Fn(&Tx<'_>) -> Run<T> + Send,
    T: Send,
{
    fn run(&mut self, tx: &Tx<'_>) -> Run<()> {
        self.result = Some((self.work)(tx)?);
        Ok(())
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }

    fn answer(self: Box<Self>) {
        // The work goes back as well: what it holds was made there, and is cheapest to drop there. A caller
        // that is gone does not want to know.
        let Self { work, result, caller, .. } = *self;
        let _ = caller.send(result.map(|result| (result, work)).ok_or(StoreError::Closed));
    }

    fn fail(self: Box<Self>, error: StoreError) {
        let _ = self.caller.send(Err(error));
    }
}
