//! `docs/providers.md` is what the adapters say of themselves.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use courierx_core::provider::{Bounce, Capability, TracksReaders};
use courierx_providers::reference::{Meaning, Reference, Treatment, references};

const HEAD: &str = "\
# Providers

What each provider can do, its limits, and how each of its errors is treated. This page is made from the adapters'
own tables: `cargo xtask test -p courierx-providers -- reference` fails when it is not up to date, and writes it anew with
`COURIERX_WRITE_DOCS=1`.

What a message needs and a provider cannot do makes the router pass the provider over, with the reason; nothing is dropped
silently but tags and metadata that exceed a provider's own limits.

";

const TREATMENTS: &str = "
## How errors are treated

The first line that fits counts. What is not listed is treated by its HTTP status: 300–399, 401 and 403–405 as `auth`, 402 as
`quota`, 429 as `throttled`, 400, 413, 415 and 422 as `content`, any other as `unavailable`. That is where the provider says something
itself. A page of something in between, a firewall's say, is `policy` with 400 and 403, since it may be about this message
alone; `auth` with 301–399, 401, 404 and 405; `content` with 413. A 5xx without the provider's own words tells nothing: the
outcome is *unknown*. So is the outcome of a request that was written
completely and has no complete answer. [failure-semantics.md](failure-semantics.md) tells what follows from each reason.
";

const EVENTS: &str = "
## What the events of callbacks mean

The first line that fits counts; an event that is not listed is kept as `other` and moves nothing. A detail that ends with `/` is the
beginning of one. What a bounce is about is what its enhanced code says where that is more exact: an address that nobody has
stays a hard bounce unless the code is one of a full mailbox (x.2.2), of a policy (x.7.x), of the content or of the way.
[failure-semantics.md](failure-semantics.md) tells who gets no mail after what.
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
    ("messages of a batch", |one| count(one.capability.max_batch)),
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
