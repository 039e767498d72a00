//! The router as a whole: what it says is what it does, and shares are what was asked for.

mod clones;
mod explain;
mod many;
mod sharing;
mod strategies;

use super::*;
use crate::message::Email;
use crate::testing::Recorder;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn connection(name: &str) -> Connection {
    Connection::new(name.parse().unwrap(), Recorder::new())
}

fn email() -> Email {
    Email::to("ada@example.com").from("hi@acme.example").subject("Hello").text("Hello").build().unwrap()
}

/// Where a message goes that nothing happened to yet.
fn first_choice(router: &Router, email: &Email, seed: u64) -> Decision {
    let requirements = Requirements::of(email);
    let question = Question {
        email,
        requirements: &requirements,
        open: &[(0, false)],
        history: &History::default(),
        duplicates: email.duplicate_policy(),
        seed,
        can_wait: true,
        deliver_by: None,
        busy: &[],
    };
    router.decide(&question, NOW)
}
