//! Work that would keep other tasks from running: large contents, and templates that go round in circles.
//!
//! It runs on threads for blocking work, as many at once as there are processors, first come first served:
//! what one tenant hands over must not slow the others down.

use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::message::Email;

/// Bytes from which on a message is worth the way to another thread and back.
const LARGE: usize = 32 * 1024;

/// The places of work that is done apart.
#[derive(Debug)]
pub(super) struct Apart(Arc<Semaphore>);

impl Default for Apart {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(available_parallelism().map_or(2, usize::from))))
    }
}

impl Apart {
    /// Does `work`, here if it is light.
    ///
    /// # Panics
    ///
    /// If `work` does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        heavy: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if !heavy {
            return work();
        }
        // The semaphore is never closed; the place goes with the work, whoever waits for it.
        let place = Arc::clone(&self.0).acquire_owned().await.ok();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        match done.await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Blocking work is never canceled but with its runtime, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// Whether sealed content of so many bytes is.
pub(super) const fn is_large(bytes: usize) -> bool {
    bytes > LARGE
}

/// Whether writing, sealing or rendering this message may take long. A template without a block takes time by
/// its length alone; one with loops can take all that the limits of templates allow.
pub(super) fn is_heavy(email: &Email) -> bool {
    let loops = |source: &str| source.contains("{{#") || source.contains("{{~#");
    let sources = [Some(email.subject().as_str()), email.html(), email.text()];
    is_large(email.estimated_bytes())
        || (email.variables().is_some() && sources.into_iter().flatten().any(loops))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn heavy_work_runs_on_another_thread_and_light_work_here() {
        let here = std::thread::current().id();
        let apart = Apart::default();
        assert_eq!(apart.run(false, || std::thread::current().id()).await, here);
        assert_ne!(apart.run(true, || std::thread::current().id()).await, here);
    }

    #[test]
    fn loops_and_size_make_a_message_heavy() {
        let email = |text: &str| {
            let email = Email::to("a@example.com").from("b@example.com").subject("s").text(text);
            email.variable("name", "x").build().expect("it is correct")
        };
        assert!(!is_heavy(&email("Hi {{name}}")));
        assert!(is_heavy(&email("{{#each name}}{{/each}}")));
        assert!(is_heavy(&email(&"x".repeat(LARGE))));
    }
}
