//! Where values come from.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use super::table::Setting;

/// The environment variables of a process, or those of a test.
#[derive(Default)]
pub struct Environment(HashMap<String, OsString>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        // A name that is not even text is none of ours.
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
    }

    /// The value of a variable; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secrets, of whatever program.
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// What the command line sets.
#[derive(Default)]
pub struct Flags {
    /// The configuration file.
    pub config: Option<PathBuf>,
    values: HashMap<&'static str, String>,
}

impl Flags {
    /// Sets a value, if there is one.
    pub fn set(&mut self, setting: &Setting, value: Option<String>) {
        self.values.extend(value.map(|value| (setting.name, value)));
    }

    pub(super) fn get(&self, setting: &Setting) -> Option<&str> {
        self.values.get(setting.name).map(String::as_str)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Where a value was found.
#[derive(Debug)]
pub(super) enum Origin {
    /// On the command line.
    Flag(String),
    /// In the environment.
    Environment,
    /// In the file that a variable names.
    NamedFile { variable: String, path: PathBuf },
    /// In the configuration file.
    ConfigFile(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "option {flag}"),
            Self::Environment => f.write_str("environment"),
            Self::NamedFile { variable, path } => write!(f, "{}, named by {variable}", path.display()),
            Self::ConfigFile(path) => write!(f, "{}", path.display()),
        }
    }
}
