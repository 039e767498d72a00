//! Forms, as Mailgun reads them: by a parser that is not ours.

use std::collections::BTreeSet;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt as _;
use multer::Multipart;

use super::super::vendor::ApiRequest;
use super::{Mistake, mistake};

/// Bytes of all options, headers and variables.
const MAX_OPTIONS: usize = 16 * 1024;

/// Fields that may stand there several times.
const SEVERAL: [&str; 4] = ["to", "cc", "bcc", "o:tag"];
/// Fields that stand there once at most.
const ONCE: [&str; 7] = ["from", "subject", "text", "html", "amp-html", "template", "recipient-variables"];
/// Options that stand there once at most.
const OPTIONS: [&str; 13] = [
    "dkim",
    "deliverytime",
    "deliver-within",
    "require-tls",
    "secondary-dkim",
    "sending-ip",
    "sending-ip-pool",
    "skip-verification",
    "suppress-headers",
    "testmode",
    "tracking",
    "tracking-clicks",
    "tracking-opens",
];

/// A file of a form.
pub(super) struct File {
    pub(super) field: String,
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) content: Bytes,
}

/// A form, checked for what is wrong with it as a form.
#[derive(Default)]
pub(super) struct Form {
    pub(super) fields: Vec<(String, String)>,
    pub(super) files: Vec<File>,
}

impl Form {
    /// The form of a request.
    pub(super) fn read(request: &ApiRequest) -> Result<Self, Mistake> {
        let kind = request.header("content-type").unwrap_or_default();
        let form = if kind.starts_with("application/x-www-form-urlencoded") {
            let fields = url::form_urlencoded::parse(&request.body).into_owned().collect();
            Self { fields, files: Vec::new() }
        } else {
            let Ok(boundary) = multer::parse_boundary(kind) else {
                return mistake("the request is no multipart/form-data");
            };
            let body = request.body.clone();
            let stream = futures_util::stream::iter([Ok::<_, Infallible>(body)]);
            // The body is complete, so nothing is waited for.
            match parse(Multipart::new(stream, boundary)).now_or_never() {
                Some(Ok(form)) => form,
                _ => return mistake("the multipart body cannot be read"),
            }
        };
        form.check()
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The values of a field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The fields of a family, by their names in it.
    pub(super) fn family<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// A switch, if it is there.
    pub(super) fn switch(&self, name: &str) -> Result<Option<bool>, Mistake> {
        match self.get(name) {
            None => Ok(None),
            Some("yes" | "true") => Ok(Some(true)),
            Some("htmlonly") if matches!(name, "o:tracking" | "o:tracking-clicks") => Ok(Some(true)),
            Some("no" | "false") => Ok(Some(false)),
            Some(_) => mistake(format!("{name} must be yes or no")),
        }
    }

    fn check(self) -> Result<Self, Mistake> {
        let mut seen = BTreeSet::new();
        for (name, value) in &self.fields {
            let lower = name.to_lowercase();
            let (known, once) = match lower.split_once(':') {
                Some(("h", header)) => {
                    let printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
                    if header.is_empty() || !header.bytes().all(printable) {
                        return mistake("Header name must be pure ASCII");
                    }
                    if value.contains(['\r', '\n', '\0']) {
                        return mistake("a header has a line break");
                    }
                    (true, true)
                }
                Some(("v", key)) => (!key.is_empty(), true),
                Some(("o", option)) => (option == "tag" || OPTIONS.contains(&option), option != "tag"),
                Some(("t", _)) => (true, true),
                _ => (
                    ONCE.contains(&name.as_str()) || SEVERAL.contains(&name.as_str()),
                    ONCE.contains(&name.as_str()),
                ),
            };
            if !known {
                return mistake(format!("{name} is no parameter"));
            }
            if once && !seen.insert(lower) {
                return mistake(format!("{name} stands there twice"));
            }
        }
        let is_bounded = |name: &str| ["h:", "v:", "o:", "t:"].iter().any(|prefix| name.starts_with(prefix));
        let bounded = self.fields.iter().filter(|(name, _)| is_bounded(name));
        if bounded.map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_OPTIONS {
            return mistake("o:, h:, v: and t: parameters together are limited to 16 kB");
        }
        for name in ["o:testmode", "o:tracking", "o:tracking-clicks", "o:tracking-opens", "o:dkim"] {
            self.switch(name)?;
        }
        let tags = self.all("o:tag");
        if !tags.into_iter().all(|tag| tag.is_ascii() && (1..=128).contains(&tag.len())) {
            return mistake("a tag is 1 to 128 characters of ASCII");
        }
        Ok(self)
    }
}

async fn parse(mut parts: Multipart<'_>) -> Result<Form, multer::Error> {
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await? {
        let name = decoded(part.name().unwrap_or_default());
        let file = part.file_name().map(decoded);
        let content_type = part.content_type().map(ToString::to_string).unwrap_or_default();
        let content = part.bytes().await?;
        if matches!(name.as_str(), "attachment" | "inline" | "message") {
            // Without a file name a file is dropped, and nobody is told. The vendor's clients give messages none.
            let Some(file) = file.or_else(|| (name == "message").then(String::new)) else { continue };
            form.files.push(File { field: name, name: file, content_type, content });
        } else {
            form.fields.push((name, String::from_utf8_lossy(&content).into_owned()));
        }
    }
    Ok(form)
}

/// A name as browsers write it.
fn decoded(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}
