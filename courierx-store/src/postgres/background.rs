//! What a store does beside its calls.

use tokio::task::AbortHandle;

/// Tasks that end with this. A handle alone, dropped, leaves its task to itself: a store that could not be opened would
/// keep its connections for ever.
#[derive(Default)]
pub(super) struct Background(Vec<AbortHandle>);

impl Background {
    /// Begins a task.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(task).abort_handle());
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}
