mod address;
mod build;
mod json;
mod parts;
mod properties;

use super::{Email, EmailBuilder};

/// A message with everything that is required and nothing else.
fn minimal() -> EmailBuilder {
    Email::to("ada@example.com").from("Acme <hi@acme.example>").subject("Hello").text("Hi")
}

/// What is wrong, as `field: problem`; nothing if it builds.
fn problems(builder: EmailBuilder) -> Vec<String> {
    match builder.build() {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid.problems().iter().map(ToString::to_string).collect(),
    }
}

/// The only problem, as `field: problem`.
fn problem(builder: EmailBuilder) -> String {
    let mut all = problems(builder);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}
