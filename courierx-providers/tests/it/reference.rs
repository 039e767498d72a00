//! `docs/providers.md` is what the adapters say of themselves.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use courierx_core::provider::{Bounce, Capability, TracksReaders};
use courierx_providers::reference::{Meaning, Reference, Treatment, references};

const HEAD: &str = "\
# Providers

What each provider can do, its limits, and how each of its errors is treated. This page is generated from the adapters'
own tables: `cargo xtask test -p courierx-providers -- reference` fails when it is out of date, and rewrites it with
`COURIERX_WRITE_DOCS=1`.

When a message needs something that a provider cannot do, the router passes the provider over and records the reason. Nothing is
dropped silently except tags and metadata that exceed a provider's own limits.

The engine hands over one message at a time. The batch calls (`send_batch`) are implemented by the adapters and checked by the
conformance suite, but neither the library's `Courier` nor the server calls them yet.

";

const TREATMENTS: &str = "
## How errors are treated

The first line that matches counts. An answer that is not listed is treated by its HTTP status: 300–399, 401 and 403–405 as `auth`,
402 as `quota`, 429 as `throttled`, 400, 413, 415 and 422 as `content`, any other as `unavailable`. This holds for answers of the
provider itself. A page from something in between, such as a firewall, is `policy` with 400 and 403, since it may be about this
message alone; `auth` with 301–399, 401, 404 and 405; `content` with 413. A 5xx without the provider's own words proves nothing: the
outcome is *unknown*. So is the outcome of a request that was written completely and got no complete answer.
[failure-semantics.md](failure-semantics.md) says what follows from each reason.
";

const EVENTS: &str = "
## What the events of callbacks mean

The first line that matches counts; an event that is not listed is kept as `other` and changes nothing. A detail that ends with `/` is
a prefix. Where a bounce has an enhanced status code that is more exact, the code decides: an unknown address stays a hard bounce
unless the code says that the mailbox is full (x.2.2), or blames a policy (x.7.x), the content or the route.
[failure-semantics.md](failure-semantics.md) says which events suppress a recipient.
";

fn page() -> String {
    let all = references();
    let mut page = HEAD.to_owned();
    let names: Vec<_> = all.iter().map(|one| one.name).collect();
    let _ = writeln!(page, "| | {} |", names.join(" | "));
    let _ = writeln!(page, "|---{}|", "|---".repeat(names.len()));
    for (what, cell) in ROWS {
        let cells: Vec<_> = all.iter().map(cell).collect();
        let _ = writeln!(page, "| {what} | {} |", cells.join(" | "));
    }
    page.push_str(TREATMENTS);
    for one in &all {
        let _ = writeln!(page, "\n### {}\n", one.name);
        let _ = writeln!(page, "| status | code | says | treated as |\n|---|---|---|---|");
        for Treatment { status, codes, says, kind, .. } in &one.treatments {
            let [status, codes, says] = [status, codes, says].map(|text| text.replace('|', "\\|"));
            let _ = writeln!(page, "| {status} | {codes} | {says} | `{kind}` |");
        }
    }
    page.push_str(EVENTS);
    for one in all.iter().filter(|one| !one.events.is_empty()) {
        let _ = writeln!(page, "\n### Events of {}\n", one.name);
        let _ = writeln!(page, "| event | which says | kept as |\n|---|---|---|");
        for rule in one.events {
            let _ = writeln!(page, "| {} | {} | {} |", rule.name, rule.detail, meaning(rule.meaning));
        }
    }
    page
}

fn meaning(meaning: Meaning) -> String {
    match meaning {
        Meaning::Is(kind) => format!("`{kind}`"),
        Meaning::Bounced(class) => {
            let bounce = Bounce::new(class, "");
            format!("`{}`: {}", bounce.kind(), class.as_str().replace('_', " "))
        }
        Meaning::Listed(reason) => format!("`suppressed`, because of a {reason}"),
        other => panic!("a meaning without words: {other:?}"),
    }
}

/// What a row is about, and what it says of a provider.
type Row = (&'static str, fn(&Reference) -> String);

/// The rows of the first table.
const ROWS: &[Row] = &[
    ("name in configurations", |one| format!("`{}`", one.id)),
    ("recipients of a message", |one| count(one.capability.max_recipients)),
    ("size of a message", |one| bytes(one.capability.max_message_bytes)),
    ("messages of a batch call (not used by the engine)", |one| count(one.capability.max_batch)),
    ("HTML", |one| yes(one.capability.html)),
    ("addresses for answers", |one| yes(one.capability.reply_to)),
    ("an address for bounces", |one| yes(one.capability.return_path)),
    ("headers of one's own", |one| yes(one.capability.custom_headers)),
    ("attachments", |one| yes(one.capability.attachments)),
    ("inline images", |one| yes(one.capability.inline_attachments)),
    ("addresses beyond ASCII (RFC 6531)", |one| yes(one.capability.smtputf8)),
    ("recipients that the header does not show", |one| yes(one.capability.separate_envelope)),
    ("counting of openings and clicks", |one| tracks(&one.capability)),
    ("repeats by an idempotency key", |one| time(one.capability.idempotency)),
    ("tells what became of a message", |one| yes(one.capability.reports_delivery)),
    ("can be asked about a hand-over", |one| yes(one.lookup)),
    ("waits for news of an unknown hand-over", |one| time(one.capability.unknown_wait)),
    ("hand-overs at once", |one| count(one.capability.max_in_flight)),
];

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn count(most: usize) -> String {
    if most == usize::MAX { "any".to_owned() } else { most.to_string() }
}

fn bytes(most: usize) -> String {
    if most == usize::MAX { "any".to_owned() } else { format!("{} MB", most / 1_000_000) }
}

fn time(time: Option<Duration>) -> String {
    match time.map(|time| time.as_secs()) {
        None => "no".to_owned(),
        Some(seconds) if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        Some(seconds) if seconds % 60 == 0 => format!("{} min", seconds / 60),
        Some(seconds) => format!("{seconds} s"),
    }
}

fn tracks(capability: &Capability) -> String {
    match capability.tracking {
        TracksReaders::Never => "never",
        TracksReaders::AsAsked => "as the message says",
        TracksReaders::AsConfigured => "as the account is set up",
    }
    .to_owned()
}

#[test]
fn the_page_of_providers_is_what_they_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/providers.md");
    let page = page();
    if std::env::var_os("COURIERX_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/providers.md is not up to date: run `COURIERX_WRITE_DOCS=1 cargo xtask test -p courierx-providers -- reference`"
    );
}
