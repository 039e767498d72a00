//! One message after the other, by a courier and by a plain loop.

use std::sync::Arc;
use std::time::Instant;

use courierx::provider::{Outcome, Outgoing, SendOptions};
use courierx::{Courier, Email, EmailProvider};
use tokio::runtime::Runtime;

use super::micros_each;

/// Microseconds of each of so many messages that a courier sends.
pub(crate) fn by_courier(runtime: &Runtime, courier: &Courier, email: &Email, count: usize) -> f64 {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..count {
            let sent = courier.send(email).await.expect("the message is sent");
            std::hint::black_box(sent);
        }
        micros_each(count, start.elapsed())
    })
}

/// Microseconds of each of so many messages that a loop sends, as an application would write it: it makes what a provider
/// takes, and goes to the next if one refuses. It keeps no history and knows no suppressions, duplicates, capabilities
/// or limits.
pub(crate) fn by_loop(
    runtime: &Runtime,
    providers: &[Arc<dyn EmailProvider>],
    count: usize,
    outgoing: impl Fn() -> Outgoing,
) -> f64 {
    runtime.block_on(async {
        let options = SendOptions::default();
        let start = Instant::now();
        for _ in 0..count {
            let outgoing = outgoing();
            for provider in providers {
                match provider.send(&outgoing, &options).await {
                    Outcome::Refused(_) => {}
                    taken => {
                        let _ = std::hint::black_box(taken);
                        break;
                    }
                }
            }
        }
        micros_each(count, start.elapsed())
    })
}
