//! Whether a store keeps its pace where messages come and go: one that has worked for a while, whose old messages are
//! purged as they are by a server, beside one that is new.
//!
//! The machine's own pace changes more within half an hour than what is looked for, so each figure is one of both.

use std::time::{Duration, Instant};

use courierx_core::clock::SystemClock;
use courierx_core::store::PurgeRequest;
use tokio::task::JoinHandle;

use crate::measure::Costs;
use crate::subject::{Kind, Subject};
use crate::support::{Floors, median, rate, tell};
use crate::{SMALL, paired};

/// For how long a message is kept, and how often older ones are looked for.
const KEPT: Duration = Duration::from_mins(1);
const PURGE_EVERY: Duration = Duration::from_secs(1);
/// Into how many stretches the time is divided, at the end of each of which both are measured.
const STRETCHES: u32 = 9;
const ROUNDS: usize = 5;
/// How much slower, and larger, a store may be in the last third than in the one before.
const ALLOWED: f64 = 1.1;

struct Point {
    /// The time of a message, accepted and delivered, to that in the new store.
    ratio: f64,
    megabytes: f64,
}

/// Works for so long.
pub(crate) async fn run(kind: Kind, time: Duration, floors: &mut Floors) {
    let mut old = Subject::new(kind).await;
    let purging = purge(&old);
    let mut points = Vec::new();
    for stretch in 1..=STRETCHES {
        let (start, before) = (Instant::now(), old.messages());
        while start.elapsed() < time / STRETCHES {
            old.fill_some().await;
        }
        let pace = rate(old.messages() - before, start.elapsed());
        let point = measure(kind, &mut old).await;
        tell(format!(
            "{}, {stretch} of {STRETCHES}: {} messages so far, {pace:.0}/s; {:.2} of a new store's time for a message; {:.0} MB",
            kind.name(),
            old.messages(),
            point.ratio,
            point.megabytes
        ));
        points.push(point);
    }
    // It ends by an error only, and what is never removed is no steady store.
    assert!(!purging.is_finished(), "the store was purged to the end");
    purging.abort();
    let third = points.len() / 3;
    let (middle, last) = (&points[third..2 * third], &points[2 * third..]);
    let grown = |of: fn(&Point) -> f64| {
        let middle_of = |points: &[Point]| median(&points.iter().map(of).collect::<Vec<_>>());
        middle_of(last) / middle_of(middle)
    };
    floors.at_most("time of a message, last third to the one before", grown(|point| point.ratio), ALLOWED);
    floors.at_most("bytes on disk, last third to the one before", grown(|point| point.megabytes), ALLOWED);
}

async fn measure(kind: Kind, old: &mut Subject) -> Point {
    let mut new = Subject::new(kind).await;
    new.fill(SMALL).await;
    let whole = |Costs([accept, _, deliver, _]): &Costs| accept + deliver;
    let rounds = paired(&mut new, old, ROUNDS).await;
    let ratios: Vec<_> = rounds.iter().map(|(new, old)| whole(old) / whole(new)).collect();
    let megabytes = u32::try_from(old.bytes_on_disk().await / 1_000_000).expect("it fits on the disk");
    Point { ratio: median(&ratios), megabytes: f64::from(megabytes) }
}

/// Removes what is old, beside everything else.
fn purge(subject: &Subject) -> JoinHandle<()> {
    let store = subject.store();
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(PURGE_EVERY);
        loop {
            let before = SystemClock::shared().now().before(KEPT);
            let purged = store.purge(&PurgeRequest::new(before, before)).await.expect("the store works");
            if !purged.more {
                turns.tick().await;
            }
        }
    })
}
