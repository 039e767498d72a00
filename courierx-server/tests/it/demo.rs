//! `courierx demo` as a process: what it shows has to be true.

use std::fs;

use tempfile::tempdir;

use crate::support::{Ended, run};

/// A count of the summary.
fn count(ended: &Ended, name: &str) -> u64 {
    let row = ended.stdout.lines().find_map(|line| line.strip_prefix(name));
    let number = row.and_then(|row| row.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no count of {name}: {ended:?}"))
}

#[test]
fn a_killed_provider_costs_no_mail_and_gets_its_share_back() {
    let folder = tempdir().unwrap();
    let arguments = ["demo", "--chaos", "--plain", "--seconds", "12", "--record", "demo.svg"];
    let ended = run(folder.path(), &arguments, &[]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");

    let accepted = count(&ended, "messages accepted");
    assert!(accepted > 400, "{ended:?}");
    assert_eq!(count(&ended, "delivered"), accepted, "{ended:?}");
    assert_eq!(count(&ended, "lost"), 0);
    let (unknown, duplicates) = (count(&ended, "unknown outcomes"), count(&ended, "duplicates"));
    // Every answer that was lost is in doubt, and what hung had been taken.
    assert!(unknown > 0 && duplicates > 0 && duplicates <= unknown, "{ended:?}");
    assert!(count(&ended, "failed over") > 0, "{ended:?}");

    // In this order. How long each takes is the machine's, and so is whether there is time for the last step twice.
    let story = [
        "sendgrid is killed: it refuses connections",
        "sendgrid fails: its breaker opens",
        "sendgrid is revived",
        "sendgrid works again: its breaker closes",
        "sendgrid is killed: it takes mail and never answers",
        "sendgrid fails: its breaker opens",
        "sendgrid is revived",
        "sendgrid works again: its breaker closes",
        "time to first failover: ",
        " s, to postmark",
        "Nothing was lost.",
    ];
    let mut rest = ended.stdout.as_str();
    for line in story {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is missing: {}", ended.stdout));
        rest = &rest[at + line.len()..];
    }
    assert!(ended.stdout.contains("sendgrid has its full share again"), "{}", ended.stdout);
    let came_back = |line: &str| line.contains("its full share again: ") && line.ends_with(" s later");
    assert!(ended.stdout.lines().any(came_back), "{}", ended.stdout);

    let picture = fs::read_to_string(folder.path().join("demo.svg")).unwrap();
    assert!(picture.starts_with("<svg ") && picture.len() < 150_000, "{} bytes", picture.len());
    assert!(picture.contains("refuses connections") && picture.contains("over · 40 messages/s"));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "it leaves nothing but what it was asked for"
    );
}

#[test]
fn without_saying_which_it_tells_which_there_are() {
    let folder = tempdir().unwrap();
    let ended = run(folder.path(), &["demo"], &[]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("\n  courierx demo --chaos\n"), "{ended:?}");
    let ended = run(folder.path(), &["demo", "--chaos", "--seconds", "5"], &[]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("10..=600"), "{ended:?}");
    assert!(run(folder.path(), &["--help"], &[]).stdout.contains("courierx demo --chaos"));
}

#[test]
fn a_picture_that_cannot_be_written_is_refused_before_the_show() {
    let folder = tempdir().unwrap();
    let ended = run(folder.path(), &["demo", "--chaos", "--record", "nowhere/demo.svg"], &[]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot write nowhere/demo.svg"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}
