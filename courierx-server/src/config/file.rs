//! The configuration file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::Problem;
use super::sources::{Environment, Flags};
use super::table::{SETTINGS, Setting};

/// The variable that names the file.
pub(super) const VARIABLE: &str = "COURIERX_CONFIG";
/// The file that is read if none is named.
const USUAL: &str = "courierx.toml";
/// How alike an unknown key and a known one are if it is probably meant.
const ALIKE: f64 = 0.8;

/// The configuration file, read.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    path: PathBuf,
    values: toml::Table,
}

impl ConfigFile {
    /// Reads the file that is named, or the usual one of this directory if it is there.
    pub(super) fn read(
        flags: &Flags,
        environment: &Environment,
        directory: &Path,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (named_by, path) = if let Some(path) = &flags.config {
            (Some("--config"), path.clone())
        } else if let Some(path) = environment.get(VARIABLE) {
            (Some(VARIABLE), path.into())
        } else {
            (None, directory.join(USUAL))
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named_by.is_none() && error.kind() == io::ErrorKind::NotFound => {
                return Self::default();
            }
            Err(error) => {
                let name = named_by.unwrap_or(USUAL);
                problems.push(Problem::other(format!(
                    "{name}: the configuration file {} cannot be read: {error}",
                    path.display()
                )));
                return Self::default();
            }
        };
        match text.parse::<toml::Table>() {
            Ok(values) => {
                problems.extend(values.keys().filter_map(|key| unknown(&path, key)));
                Self { path, values }
            }
            Err(error) => {
                // The error's own text repeats the line, which may hold a secret.
                let line = error.span().map_or(1, |span| line_of(&text, span.start));
                problems.push(Problem::other(format!(
                    "{}, line {line}: {}",
                    path.display(),
                    error.message()
                )));
                Self::default()
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a setting as the environment would spell it.
    pub(super) fn get(&self, setting: &Setting) -> Option<Result<String, &'static str>> {
        self.values.get(&setting.key()).map(spell)
    }
}

fn spell(value: &toml::Value) -> Result<String, &'static str> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(value) => Ok(value.to_string()),
        toml::Value::Array(items) => Ok(items.iter().map(spell).collect::<Result<Vec<_>, _>>()?.join(",")),
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => {
            Err("must be a text, a whole number, true or false")
        }
    }
}

fn unknown(path: &Path, key: &str) -> Option<Problem> {
    if SETTINGS.iter().any(|setting| setting.key() == key) {
        return None;
    }
    let known = SETTINGS.iter().map(Setting::key);
    let likeness = |name: &String| strsim::jaro_winkler(key, name);
    let nearest = known.clone().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest.filter(|name| likeness(name) >= ALIKE) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Some(Problem::other(format!("{}: there is no setting {key:?}; {hint}", path.display())))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
