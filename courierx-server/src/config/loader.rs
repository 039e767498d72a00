//! Finds each setting where it is given first: command line, environment, configuration file.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::Problem;
use super::file::{self, ConfigFile};
use super::sources::{Environment, Flags, Origin};
use super::table::{Exposure, SETTINGS, Setting};

/// No value is longer; a file that is was named by mistake.
const MAX_FILE: u64 = 64 * 1024;

/// What a parser says of a wrong value: `must be …`.
pub(super) type Parsed<T> = Result<T, String>;

/// Reads settings, and collects what is wrong with them.
pub(super) struct Loader<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: ConfigFile,
    problems: Vec<Problem>,
}

struct Found {
    text: Zeroizing<String>,
    origin: Origin,
}

impl<'a> Loader<'a> {
    pub(super) fn new(flags: &'a Flags, environment: &'a Environment, directory: &Path) -> Self {
        let mut problems = Vec::new();
        let file = ConfigFile::read(flags, environment, directory, &mut problems);
        problems.extend(environment.names().filter_map(misspelt));
        Self { flags, environment, file, problems }
    }

    /// A setting, or its default.
    pub(super) fn or<T>(
        &mut self,
        setting: &Setting,
        default: T,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> T {
        self.optional(setting, parse).unwrap_or(default)
    }

    /// A setting, if it is given and right.
    pub(super) fn optional<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Parsed<T>,
    ) -> Option<T> {
        let parsed = self.find(setting).and_then(|found| {
            let Some(Found { text, origin }) = found else { return Ok(None) };
            // White space around a secret may belong to it.
            let text = if setting.exposure == Exposure::Secret { text.as_str() } else { text.trim() };
            let wrong = |must: String| Problem::value(setting, &origin, Some(text), &must);
            parse(text).map(Some).map_err(wrong)
        });
        parsed.unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    /// Something is wrong with several settings together.
    pub(super) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Everything that was wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn find(&self, setting: &Setting) -> Result<Option<Found>, Problem> {
        let found = |text: &str, origin| Some(Found { text: Zeroizing::new(text.to_owned()), origin });
        if let Some(text) = self.flags.get(setting) {
            return Ok(found(text, Origin::Flag(setting.flag())));
        }
        let variable = format!("{}_FILE", setting.name);
        match (self.environment.get(setting.name), self.environment.get(&variable)) {
            (Some(_), Some(_)) => {
                let must = format!("and {variable} are both set; set one of them");
                Err(Problem::value(setting, &Origin::Environment, None, &must))
            }
            (Some(value), None) => match value.to_str() {
                Some(text) => Ok(found(text, Origin::Environment)),
                None => Err(Problem::value(setting, &Origin::Environment, None, "must be UTF-8")),
            },
            (None, Some(path)) => {
                let path = PathBuf::from(path);
                let text = read(&path);
                let origin = Origin::NamedFile { variable, path };
                match text {
                    Ok(text) => Ok(Some(Found { text, origin })),
                    Err(error) => {
                        let must = format!("cannot be read: {error}");
                        Err(Problem::value(setting, &origin, None, &must))
                    }
                }
            }
            (None, None) => self.find_in_file(setting),
        }
    }

    fn find_in_file(&self, setting: &Setting) -> Result<Option<Found>, Problem> {
        let Some(value) = self.file.get(setting) else { return Ok(None) };
        let origin = Origin::ConfigFile(self.file.path().to_owned());
        match value {
            Ok(text) => Ok(Some(Found { text: Zeroizing::new(text), origin })),
            Err(must) => Err(Problem::value(setting, &origin, None, must)),
        }
    }
}

/// A variable that is almost one of ours: `COURIERX_REGISTRATON=closed` must not leave registration open. Others
/// with our prefix are no mistakes; Kubernetes sets `COURIERX_PORT` for a service of that name.
fn misspelt(name: &str) -> Option<Problem> {
    const SLIPS: usize = 2;
    let plain = name.strip_suffix("_FILE").unwrap_or(name);
    let is_known = |name: &str| name == file::VARIABLE || SETTINGS.iter().any(|setting| setting.name == name);
    if !name.starts_with("COURIERX_") || is_known(name) || is_known(plain) {
        return None;
    }
    let meant = SETTINGS.iter().find(|setting| strsim::osa_distance(plain, setting.name) <= SLIPS)?;
    Some(Problem::other(format!(
        "{name} (environment) is no setting; did you mean {}? For example {}={}",
        meant.name, meant.name, meant.example
    )))
}

/// The value that a file holds, without the line break at its end.
fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it has more than {MAX_FILE} bytes")));
    }
    let line =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(line);
    if text.is_empty() {
        return Err(io::Error::other("it is empty"));
    }
    Ok(text)
}
