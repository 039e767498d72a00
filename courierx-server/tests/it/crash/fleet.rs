//! Several processes on one PostgreSQL database, each under load.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Accepted, Done, Load, Tally, key};
use crate::support::{Binary, Client, SmtpSink};

/// What a process is given.
const WORKERS: usize = 32;
/// Messages of one tenant under delivery at once in each process, and so hand-overs under way when it dies.
pub(super) const UNDER_WAY: usize = WORKERS / 4;

/// Where processes run, and what they have in common.
pub(super) struct Place {
    folder: tempfile::TempDir,
    lease: Duration,
}

impl Place {
    pub(super) fn new(lease: Duration) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lease }
    }

    /// Starts a process on this database.
    pub(super) fn start(&self, database: &str) -> Binary {
        let (workers, lease) = (WORKERS.to_string(), self.lease.as_secs().to_string());
        Binary::start(
            self.folder.path(),
            &[
                ("DATABASE_URL", database),
                ("JWT_SECRET", "8f2b1c47d09e63a5f17c2d84b6e0935a"),
                ("ENCRYPTION_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"),
                ("MAX_WORKERS", &workers),
                ("COURIERX_LEASE", &lease),
                ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8"),
                ("LOG_LEVEL", "warn"),
            ],
        )
    }
}

struct Member {
    binary: Binary,
    load: Load,
}

/// Processes on one database that deliver to one mail server.
pub(super) struct Fleet {
    place: Place,
    database: String,
    sink: SmtpSink,
    key: String,
    members: Vec<Member>,
    accepted: Accepted,
    done: Arc<Done>,
    /// Requests under way at once at each process.
    clients: usize,
}

impl Fleet {
    /// Starts so many processes, and load on all of them by so many clients each.
    pub(super) async fn start(database: &str, count: usize, clients: usize, lease: Duration) -> Self {
        let (place, sink) = (Place::new(lease), SmtpSink::start());
        let binaries: Vec<_> = (0..count).map(|_| place.start(database)).collect();
        let key = key(&binaries[0].client(), sink.port()).await;
        let mut fleet = Self {
            place,
            database: database.to_owned(),
            sink,
            key,
            members: Vec::new(),
            accepted: Accepted::new(),
            done: Arc::default(),
            clients,
        };
        for binary in binaries {
            let member = fleet.under_load(binary).await;
            fleet.members.push(member);
        }
        fleet
    }

    async fn under_load(&mut self, binary: Binary) -> Member {
        let mut load = Load::start(&binary.client().with(&self.key), self.clients, &self.done);
        load.answered(1, &mut self.accepted).await;
        Member { binary, load }
    }

    /// Goes on for so long.
    pub(super) async fn goes_on_for(&mut self, time: Duration) {
        self.members[0].load.goes_on_for(time, &mut self.accepted).await;
    }

    /// Every process answers with 202, or does so again.
    pub(super) async fn all_accept(&mut self) {
        for member in &mut self.members {
            // What came before is among them: there are no more than that many under way.
            while let Ok((subject, id)) = member.load.accepted.try_recv() {
                self.accepted.insert(subject, id);
            }
            member.load.answered(self.clients + 1, &mut self.accepted).await;
        }
    }

    /// Kills a process, and starts another one in its place.
    pub(super) async fn kill(&mut self, index: usize) {
        let Member { binary, load } = self.members.swap_remove(index);
        binary.kill();
        load.ended(&mut self.accepted).await;
        let binary = self.place.start(&self.database);
        let member = self.under_load(binary).await;
        self.members.push(member);
    }

    /// Requests until now.
    pub(super) fn sent(&self) -> usize {
        self.done.sent.load(Ordering::Relaxed)
    }

    /// Requests that were answered with 503 until now.
    pub(super) fn refused(&self) -> usize {
        self.done.refused.load(Ordering::Relaxed)
    }

    /// Ends the load, waits until everything is delivered, and counts what came: nothing is lost, so much at most
    /// came twice, and each of those messages says so. The processes are still those that were started last.
    pub(super) async fn holds(self, most_duplicates: usize) -> String {
        let Self { sink, key, members, mut accepted, done, .. } = self;
        let mut binaries = Vec::new();
        for Member { binary, load } in members {
            load.stop(&mut accepted).await;
            binaries.push(binary);
        }
        let client: Client = binaries[0].client().with(&key);
        client.drained().await;
        let tally = Tally::of(&sink, &accepted);
        let found = format!(
            "{} accepted, {} answered 503, {} not answered, {} lost, {} duplicates (at most {most_duplicates}), \
             {} arrived without a 202",
            accepted.len(),
            done.refused.load(Ordering::Relaxed),
            done.unanswered.load(Ordering::Relaxed),
            tally.lost.len(),
            tally.duplicates(),
            tally.unanswered
        );
        tally.holds(most_duplicates, &client, &accepted).await;
        for binary in binaries {
            assert_eq!(binary.client().get("/health/ready").await.status, 200);
            let ended = binary.terminate();
            assert_eq!(ended.status.code(), Some(0), "it went on to the end: {ended:?}");
            assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        }
        found
    }
}
