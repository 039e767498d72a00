//! What is wrong with a configuration.

use std::fmt;

use super::sources::Origin;
use super::table::{Exposure, Setting};

/// How much of a wrong value is repeated.
const SHOWN: usize = 80;

/// Everything that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) Vec<Problem>);

/// One thing that is wrong with a configuration, in a sentence that names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem(String);

impl ConfigError {
    /// What is wrong, one after the other.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl Problem {
    /// The value of a setting is wrong; `must` says what it has to be.
    pub(super) fn value(setting: &Setting, origin: &Origin, value: Option<&str>, must: &str) -> Self {
        let Setting { name, example, exposure, .. } = setting;
        let shown = match value {
            Some(value) if *exposure == Exposure::Public => {
                format!("={:?}", value.chars().take(SHOWN).collect::<String>())
            }
            _ => String::new(),
        };
        Self(format!("{name}{shown} ({origin}) {must}; for example {name}={example}"))
    }

    /// Something else is wrong; the text names it.
    pub(super) fn other(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is wrong:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
