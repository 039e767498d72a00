//! Killed at any moment, it goes on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use courierx_core::event::{Disposition, EventKind, NewEvent};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::{DuplicatePolicy, Lane, Mode, RecipientField, RetryPreset};
use courierx_core::store::{
    Effects, Ledger as _, NewJob, NewMessage, NewRecipient, Store as _, check_canary,
};
use courierx_core::vault::Sealed;
use courierx_store::SqliteStore;
use sqlx::Connection as _;
use tempfile::tempdir;

use super::{database, done, secrets};
use crate::support::run;

const MESSAGES: usize = 6_000;
/// More often than any run needs that gets on.
const MOST_KILLS: usize = 200;

fn message(store: &SqliteStore) -> NewMessage {
    let (id, now) = (MessageId::new(), store.clock().now());
    let mut effects = Effects::default();
    effects.jobs.push(NewJob::delivery(id, Lane::Bulk, now));
    effects.events.push(NewEvent::of_message(id, EventKind::Queued, now));
    NewMessage {
        id,
        tenant: TenantId::DEFAULT,
        created_at: now,
        send_at: now,
        deliver_by: None,
        from: "hi@acme.example".parse().unwrap(),
        lane: Lane::Bulk,
        mode: Mode::Live,
        retry: RetryPreset::default(),
        duplicates: DuplicatePolicy::WaitThenFailover,
        tags: Vec::new(),
        recipients: vec![NewRecipient {
            index: 0,
            field: RecipientField::To,
            address: "ada@example.com".parse().unwrap(),
            disposition: Disposition::Open,
        }],
        summary: None,
        content: Sealed::from_bytes(vec![1; 600]).unwrap(),
        idempotency: None,
        allowances: Vec::new(),
        effects,
    }
}

/// A database of many messages, where a server would have it.
async fn many(directory: &Path) {
    std::fs::create_dir(directory.join("courierx-data")).unwrap();
    std::fs::write(directory.join("courierx-data/jwt_secret"), "x").unwrap();
    let store = SqliteStore::open(directory.join("courierx-data/courierx.db")).await.unwrap();
    check_canary(&store, &store.vault().unwrap()).await.unwrap();
    for _ in 0..MESSAGES / 1000 {
        store.accept((0..1000).map(|_| message(&store)).collect()).await.unwrap();
    }
}

/// What the command says.
const SAID: &str = "said";

fn start(directory: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courierx"));
    command.args(arguments).current_dir(directory).env_clear();
    command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let said = std::fs::File::create(directory.join(SAID)).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// Starts it again and again, and kills it each time when it has got on by something; until it ends by itself.
/// Answers how often it was killed.
async fn killed(
    directory: &Path,
    arguments: &[&str],
    variables: &[(&str, String)],
    mut far: impl AsyncFnMut() -> Vec<u8>,
) -> usize {
    for kills in 0..MOST_KILLS {
        let before = far().await;
        let mut child = start(directory, arguments, variables);
        // Each time a little further, so that it also ends.
        let mut steps = 1 + kills / 2;
        let mut last = before;
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            let now = far().await;
            if now != last {
                (last, steps) = (now, steps - 1);
            }
            if steps == 0 {
                break None;
            }
            tokio::task::yield_now().await;
        };
        if let Some(status) = ended {
            let said = std::fs::read_to_string(directory.join(SAID)).unwrap();
            // Killed after all was done, and before it could say so.
            let was_done = kills > 0 && said.contains("the target is not empty");
            assert!(was_done || status.success(), "{said}");
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("it was killed {MOST_KILLS} times and is not done");
}

#[tokio::test]
async fn a_move_and_its_file_are_gone_on_with_wherever_they_were_killed() {
    let folder = tempdir().unwrap();
    many(folder.path()).await;
    let url = database().await;
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let kills = killed(folder.path(), &["admin", "move", "--to", &url], &[], async || {
        let mark = "SELECT value FROM courierx.state WHERE name = 'courierx/import'";
        sqlx::query_scalar(mark).fetch_optional(&mut connection).await.ok().flatten().unwrap_or_default()
    })
    .await;
    assert!(kills > 2, "{kills}");

    let key = [secrets(folder.path())[0].clone()];
    let part = folder.path().join("all.part");
    let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
    let arguments = ["admin", "export", "all", "--from", &url];
    let kills =
        killed(folder.path(), &arguments, &key, async || size(part.clone()).to_be_bytes().to_vec()).await;
    assert!(kills > 2, "{kills}");

    let log = folder.path().join("back.db-wal");
    let arguments = ["admin", "import", "all", "--to", "sqlite://back.db"];
    let kills =
        killed(folder.path(), &arguments, &key, async || size(log.clone()).to_be_bytes().to_vec()).await;
    assert!(kills > 2, "{kills}");

    // The first and the last of four databases are the same, and everything is there once.
    let arguments = ["admin", "export", "again", "--from", "sqlite://back.db"];
    let again = run(folder.path(), &arguments, &[(key[0].0, &key[0].1)]);
    let first = run(folder.path(), &["admin", "export", "first"], &[]);
    done(&again);
    done(&first);
    let tables = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains(" rows, digest ")).map(str::to_owned).collect()
    };
    assert_eq!(tables(&first.stdout), tables(&again.stdout));
    assert!(first.stdout.contains(&format!("messages         {MESSAGES} rows")), "{first:?}");
    assert!(first.stdout.contains(&format!("events           {MESSAGES} rows")), "{first:?}");
}
