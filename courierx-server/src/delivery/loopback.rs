//! What a sandbox calls back: taken from it after each hand-over and told to the engine, as a provider on the
//! network would.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::engine::ReceiveError;
use courierx_core::id::TenantId;
use courierx_core::provider::{
    Callback, CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, ProviderId, Refusal,
    SendOptions, StatusLookup, Verified,
};
use courierx_core::router::ConnectionId;
use courierx_providers::Sandbox;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Measured, SendMeters};
use crate::App;

/// Hand-overs whose callbacks may wait. Beyond, sandboxes answer more slowly.
const WAITING: usize = 1024;
/// Callbacks that are told at once: the store commits them together.
const AT_ONCE: usize = 64;
/// How often one is told to a store that fails, and the pause in between.
const TRIES: (u32, Duration) = (5, Duration::from_secs(1));

/// What one hand-over is called back.
#[derive(Debug)]
struct Told {
    tenant: TenantId,
    connection: ConnectionId,
    callbacks: Vec<Callback>,
}

/// A sandbox that calls back by itself.
#[derive(Debug)]
pub(super) struct CallingBack {
    sandbox: Sandbox,
    inner: Measured<Sandbox>,
    tenant: TenantId,
    connection: ConnectionId,
    sender: mpsc::Sender<Told>,
}

/// Where sandboxes call back to.
#[derive(Debug)]
pub(super) struct Loopback {
    sender: mpsc::Sender<Told>,
    receiver: Mutex<Option<mpsc::Receiver<Told>>>,
}

impl Loopback {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// This sandbox as the tenant's connection of this name.
    pub(super) fn attach(
        &self,
        sandbox: Sandbox,
        meters: SendMeters,
        tenant: TenantId,
        connection: ConnectionId,
    ) -> CallingBack {
        let inner = Measured::new(sandbox.clone(), meters);
        CallingBack { sandbox, inner, tenant, connection, sender: self.sender.clone() }
    }

    fn take(&self) -> Option<mpsc::Receiver<Told>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl CallingBack {
    /// Passes on what there is to call back. What is not taken now is taken with the next hand-over.
    async fn call_back(&self, options: &SendOptions) {
        let place = tokio::select! {
            biased;
            place = self.sender.reserve() => place,
            () = options.cancel.cancelled() => return,
        };
        // It fails once the server has stopped.
        let Ok(place) = place else { return };
        let callbacks = self.sandbox.take_callbacks();
        if !callbacks.is_empty() {
            place.send(Told { tenant: self.tenant, connection: self.connection.clone(), callbacks });
        }
    }
}

#[async_trait]
impl EmailProvider for CallingBack {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let outcome = self.inner.send(message, options).await;
        self.call_back(options).await;
        outcome
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.inner.verify(options).await
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        self.inner.status_lookup()
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.inner.event_source()
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        self.inner.callback_setup()
    }
}

/// The task that tells the engine what sandboxes call back. Dropping it stops it at once.
#[derive(Debug)]
pub struct Postman {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Postman {
    /// Starts it. An app has one; another has nothing to do.
    pub fn spawn(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(deliver(Arc::clone(app), stop.clone()));
        Self { task, stop }
    }

    /// Tells what is waiting, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn deliver(app: Arc<App>, stop: CancellationToken) {
    let Some(receiver) = app.routes.loopback().take() else { return };
    let told = stream::unfold((receiver, stop.clone()), async |(mut receiver, stop)| {
        let told = tokio::select! {
            biased;
            told = receiver.recv() => told,
            () = stop.cancelled() => {
                receiver.close();
                receiver.recv().await
            }
        };
        told.map(|told| (told, (receiver, stop)))
    });
    let (app, stop) = (&app, &stop);
    told.flat_map(|Told { tenant, connection, callbacks }| {
        stream::iter(callbacks).map(move |callback| (tenant, connection.clone(), callback))
    })
    .for_each_concurrent(AT_ONCE, async |(tenant, connection, callback)| {
        tell(app, stop, tenant, &connection, &callback).await;
    })
    .await;
}

/// Tells one callback, again while the store fails: nobody else will call.
async fn tell(
    app: &App,
    stop: &CancellationToken,
    tenant: TenantId,
    connection: &ConnectionId,
    callback: &Callback,
) {
    for attempt in 1.. {
        let Err(error) = app.outbox.receive(tenant, connection, callback).await else { return };
        let again = matches!(error, ReceiveError::Store(_)) && attempt < TRIES.0 && !stop.is_cancelled();
        if !again {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(%tenant, %connection, error, "a callback of the sandbox was lost");
            return;
        }
        let clock = app.store.clock();
        tokio::select! {
            () = clock.sleep_until(clock.now().after(TRIES.1)) => {}
            () = stop.cancelled() => {}
        }
    }
}
