//! A PostgreSQL database: what it allows, and how it is.

use std::error::Error as _;
use std::time::Duration;

use courierx_store::postgres::{Examined, PostgresOptions};

use super::super::open::{self, StartError};
use super::database::{DATABASE, keys};
use super::{Finding, Level};
use crate::config::{Migrate, Settings};

const SCHEMA: &str = "schema";
const PRIVILEGES: &str = "privileges";
const CONNECTIONS: &str = "connections";
const CLOCKS: &str = "database clock";
/// Clocks that differ by more should not. Nothing depends on it but certificates, and people who read logs.
const APART: Duration = Duration::from_secs(5);

/// Whether the secrets are set that all servers share.
pub(super) fn secrets(settings: &Settings) -> Vec<Finding> {
    let missing = open::missing_secrets(settings);
    ["JWT_SECRET", "ENCRYPTION_KEY"]
        .map(|name| {
            if missing.contains(&name) {
                let text = "not set, and all servers on PostgreSQL need the same";
                Finding::problem(name, text, open::make_secrets(&[name]))
            } else {
                Finding::ok(name, "set; every server needs the same")
            }
        })
        .into()
}

/// Whether it can be reached and used, and with these keys.
pub(super) async fn look(settings: &Settings, options: &PostgresOptions) -> Vec<Finding> {
    let examined = match options.examine().await {
        Ok(examined) => examined,
        Err(error) => {
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            let mend = "correct DATABASE_URL, or start that server";
            return vec![Finding::problem(DATABASE, format!("{}: {cause}", options.place()), mend)];
        }
    };
    let mut findings = vec![
        reached(&examined, options),
        schema(&examined, settings),
        privileges(&examined),
        connections(&examined, options),
        clocks(&examined),
    ];
    if examined.schema.is_due() || examined.schema.is_too_new() || !examined.missing_privileges.is_empty() {
        return findings;
    }
    match open::store_to_look_at(settings).await {
        Ok((store, vault)) => findings.push(keys(&*store, &vault).await),
        // That was told already.
        Err(StartError::NotShared(_)) => {}
        Err(error) => findings.push(Finding::problem(DATABASE, error.to_string(), "")),
    }
    findings
}

fn reached(examined: &Examined, options: &PostgresOptions) -> Finding {
    let text = format!("PostgreSQL {} at {}", examined.server, options.place());
    if examined.read_only {
        let text = format!("{text} can only be read");
        return Finding::problem(DATABASE, text, open::write_elsewhere());
    }
    Finding::ok(DATABASE, text)
}

fn schema(examined: &Examined, settings: &Settings) -> Finding {
    let (found, known) = (examined.schema.found, examined.schema.known);
    if examined.schema.is_too_new() {
        let mend = "use the later version of courierx that was here";
        return Finding::problem(SCHEMA, format!("version {found}, and this program knows {known}"), mend);
    }
    if !examined.schema.is_due() {
        return Finding::ok(SCHEMA, format!("version {found}"));
    }
    let text = format!("version {found}, and this program needs {known}");
    match settings.migrate {
        Migrate::Auto => Finding::ok(SCHEMA, format!("{text}: the server will bring it up to date")),
        Migrate::Never => Finding::problem(SCHEMA, text, open::migrate()),
    }
}

fn privileges(examined: &Examined) -> Finding {
    let missing = &examined.missing_privileges;
    if missing.is_empty() {
        return Finding::ok(PRIVILEGES, "all that are needed");
    }
    let grants: Vec<_> = missing.iter().map(|one| format!("GRANT {one} TO \"the user\";")).collect();
    Finding::problem(PRIVILEGES, format!("missing: {}", missing.join(", ")), grants.join(" "))
}

/// Whether this process finds as many connections as it may take, beside those in use. Of a running server it is what
/// a second one would find.
fn connections(examined: &Examined, options: &PostgresOptions) -> Finding {
    let (used, allowed, most) =
        (examined.connections_used, examined.connections_allowed, options.most_connections());
    let free = allowed.saturating_sub(used);
    let text = format!("{used} of {allowed} are in use; a server takes up to {most}");
    if free >= most {
        return Finding::ok(CONNECTIONS, text);
    }
    let mend = "set a smaller DATABASE_POOL_SIZE, or allow more on the server: max_connections";
    let level = if free == 0 { Level::Problem } else { Level::Warning };
    Finding::new(level, CONNECTIONS, text, mend)
}

fn clocks(examined: &Examined) -> Finding {
    let apart = examined.clock_differs;
    if apart <= APART {
        return Finding::ok(CLOCKS, format!("{} ms from this machine's", apart.as_millis()));
    }
    let way = if examined.clock_is_ahead { "ahead of" } else { "behind" };
    let text = format!("{} s {way} this machine's; mail is scheduled by the database's", apart.as_secs());
    Finding::new(Level::Warning, CLOCKS, text, "let both follow a time server")
}
