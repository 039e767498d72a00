//! Mail that is on its way into the sandbox: whoever sends it and looks in the next breath expects to see it.

use std::time::Duration;

use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::store::StoredMessage;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceResult;

/// How long a message is waited for from when it is to be sent. Delivery into a sandbox takes a few milliseconds,
/// and longer only while the machine is busy; what is older waits for something else.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon somebody looks again: twice as long each time, as what is not there at once takes longer.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Waits until each of these messages had its first attempt, or is no longer new.
pub(super) async fn arrived(ctx: &Ctx, app: &App, messages: &[MessageId]) -> ServiceResult<()> {
    let clock = app.store.clock();
    let (end, mut pause) = (clock.now().after(PATIENCE), LOOKS.0);
    let mut awaited: Vec<_> = messages.iter().map(|id| (ctx.tenant, *id)).collect();
    loop {
        let found = app.store.outline(&awaited).await?;
        let now = clock.now();
        let new = |message: &&StoredMessage| now < message.record.send_at.after(PATIENCE);
        let under_way = found.iter().flatten().filter(|message| is_under_way(message)).filter(new);
        awaited = under_way.map(|message| (ctx.tenant, message.record.id)).collect();
        if awaited.is_empty() || now >= end {
            return Ok(());
        }
        clock.sleep_until(now.after(pause)).await;
        pause = (2 * pause).min(LOOKS.1);
    }
}

/// Whether its first attempt is yet to end. One that is tried again later may take hours.
fn is_under_way(message: &StoredMessage) -> bool {
    matches!(message.record.status, MessageStatus::Queued | MessageStatus::Sending)
        && message.attempts.iter().all(|attempt| attempt.finished_at.is_none())
}
