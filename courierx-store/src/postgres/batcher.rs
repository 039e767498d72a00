//! Group commit: concurrent calls of one kind become one transaction.
//!
//! A task for each kind takes what has come while it was busy with the calls before. A lone call waits for nobody;
//! under load a hundred calls share the round trips, the locks and the commit of one.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use courierx_core::store::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

use super::Shared;

/// Calls that wait at most; more of them wait for a place.
const WAITING: usize = 4096;

/// A kind of call whose items are independent of one another.
pub(super) trait Grouped: 'static {
    /// What is asked.
    type Item: Send + Sync + 'static;
    /// What is answered, for each item.
    type Answer: Send + 'static;
    /// Which weight of items makes a transaction that is large enough.
    const MOST: usize;

    /// What an item weighs, compared with an ordinary one.
    fn weight(_item: &Self::Item) -> usize {
        1
    }

    /// Does all of it, or nothing: an answer for each item, in order.
    fn run(
        shared: &Shared,
        items: &[Self::Item],
    ) -> impl Future<Output = StoreResult<Vec<Self::Answer>>> + Send;
}

struct Call<G: Grouped> {
    items: Vec<G::Item>,
    answer: oneshot::Sender<StoreResult<Vec<G::Answer>>>,
}

/// Takes calls of one kind.
pub(super) struct Batcher<G: Grouped>(mpsc::Sender<Call<G>>);

impl<G: Grouped> Batcher<G> {
    /// Starts the task, which ends when the batcher is dropped and every call is answered.
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(serve::<G>(Arc::clone(shared), receiver));
        Self(sender)
    }

    /// Has it done, with whatever else comes. It is done even if the caller gives up.
    pub(super) async fn call(&self, items: Vec<G::Item>) -> StoreResult<Vec<G::Answer>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.0.send(Call { items, answer }).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

async fn serve<G: Grouped>(shared: Arc<Shared>, mut calls: mpsc::Receiver<Call<G>>) {
    while let Some(first) = calls.recv().await {
        let mut group = vec![first];
        let weight = |call: &Call<G>| call.items.iter().map(G::weight).sum::<usize>();
        let mut size = weight(&group[0]);
        while size < G::MOST
            && let Ok(next) = calls.try_recv()
        {
            size += weight(&next);
            group.push(next);
        }
        serve_group(&shared, group).await;
    }
}

async fn serve_group<G: Grouped>(shared: &Shared, group: Vec<Call<G>>) {
    let mut items = Vec::new();
    let mut callers = Vec::with_capacity(group.len());
    for call in group {
        callers.push((call.items.len(), call.answer));
        items.extend(call.items);
    }
    match G::run(shared, &items).await {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for (count, caller) in callers {
                // Whoever gave up is not there to be told.
                let _ = caller.send(Ok(answers.by_ref().take(count).collect()));
            }
        }
        Err(error) if callers.len() == 1 || is_everybodys(&error) => {
            let error = Arc::new(error);
            for (_, caller) in callers {
                let _ = caller.send(Err(for_each(&error)));
            }
        }
        // It may be the fault of one of them, such as a text that the database cannot hold.
        Err(_) => {
            let mut items = &items[..];
            for (count, caller) in callers {
                let (own, rest) = items.split_at(count);
                items = rest;
                let _ = caller.send(G::run(shared, own).await);
            }
        }
    }
}

/// Whether an error has nothing to do with what was asked.
fn is_everybodys(error: &StoreError) -> bool {
    error.is_temporary() || matches!(error, StoreError::Full(_) | StoreError::Closed)
}

/// The error of a group, for one of its callers.
fn for_each(error: &Arc<StoreError>) -> StoreError {
    let source = || Box::new(OfGroup(Arc::clone(error)));
    match &**error {
        StoreError::Busy(_) => StoreError::Busy(source()),
        StoreError::Unavailable(_) => StoreError::Unavailable(source()),
        StoreError::Full(_) => StoreError::Full(source()),
        StoreError::Corrupt { what, .. } => {
            StoreError::Corrupt { what: what.clone(), source: Some(source()) }
        }
        StoreError::Invalid(what) => StoreError::Invalid(what.clone()),
        StoreError::Closed => StoreError::Closed,
        _ => StoreError::Backend(source()),
    }
}

/// What several callers are told.
#[derive(Debug)]
struct OfGroup(Arc<StoreError>);

impl fmt::Display for OfGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("calls that share a transaction failed together")
    }
}

impl Error for OfGroup {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
