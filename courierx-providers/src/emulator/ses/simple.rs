//! Messages that SES makes of their parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::conformance::{Person, Received, ReceivedFile};
use serde::Deserialize;

use super::message::{MAX_BYTES, People};
use super::{Mistake, bad};

/// Endings of files that SES does not carry: some of its list.
/// <https://docs.aws.amazon.com/ses/latest/dg/mime-types.html>
const FORBIDDEN: [&str; 8] = ["bat", "cmd", "com", "exe", "js", "scr", "vbs", "ps1"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Simple {
    subject: Text,
    body: Body,
    #[serde(default)]
    headers: Vec<Header>,
    #[serde(default)]
    attachments: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Text {
    data: String,
    charset: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "FileName")]
    name: String,
    raw_content: String,
    content_type: Option<String>,
    content_disposition: Option<Disposition>,
    content_id: Option<String>,
    #[serde(rename = "ContentTransferEncoding")]
    _encoding: Option<Encoding>,
    #[serde(rename = "ContentDescription")]
    _description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Disposition {
    Attachment,
    Inline,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Encoding {
    Base64,
    QuotedPrintable,
    SevenBit,
}

impl Simple {
    pub(super) fn read(self, from: Option<Person>, people: Option<People>) -> Result<Received, Mistake> {
        let Some(from) = from else { return bad("FromEmailAddress is missing") };
        let Some(people) = people else { return bad("There are no recipients specified.") };
        if self.body.text.is_none() && self.body.html.is_none() {
            return bad("The body has neither text nor HTML");
        }
        let texts = [Some(&self.subject), self.body.text.as_ref(), self.body.html.as_ref()];
        let texts: usize = texts.into_iter().flatten().map(|text| text.data.len()).sum();
        let files: usize = self.attachments.iter().map(|file| file.raw_content.len()).sum();
        if texts + files > MAX_BYTES {
            return bad(format!("The message is longer than {MAX_BYTES} bytes"));
        }
        let mut received = Received::default();
        received.from = from;
        (received.to, received.cc, received.bcc) = (people.to, people.cc, people.bcc);
        received.subject = self.subject.read()?;
        received.text = self.body.text.map(Text::read).transpose()?;
        received.html = self.body.html.map(Text::read).transpose()?;
        received.headers = headers(self.headers)?;
        received.files = self.attachments.into_iter().map(File::read).collect::<Result<_, _>>()?;
        Ok(received)
    }
}

impl Text {
    fn read(self) -> Result<String, Mistake> {
        let utf8 = self.charset.is_some_and(|charset| charset.eq_ignore_ascii_case("UTF-8"));
        if utf8 || self.data.is_ascii() { Ok(self.data) } else { bad("Text beyond ASCII needs a charset") }
    }
}

fn headers(headers: Vec<Header>) -> Result<Vec<(String, String)>, Mistake> {
    if headers.len() > 15 {
        return bad("There are more than 15 headers");
    }
    let mut names: Vec<_> = headers.iter().map(|header| header.name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    let valid = |Header { name, value }: &Header| {
        (1..=126).contains(&name.len())
            && (1..=995).contains(&value.len())
            && name.len() + value.len() <= 996
            && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
            && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    };
    if names.len() < headers.len() || !headers.iter().all(valid) {
        return bad("A header is given twice, is too long, or has other characters than printable ASCII");
    }
    Ok(headers.into_iter().map(|header| (header.name, header.value)).collect())
}

impl File {
    fn read(self) -> Result<ReceivedFile, Mistake> {
        let extension = self.name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        if FORBIDDEN.contains(&extension.as_str()) {
            return bad(format!("Illegal filename '{}'.", self.name));
        }
        let kind = self.content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        let fits = |text: &str| (1..=78).contains(&text.len());
        if !fits(&kind) || self.content_id.as_deref().is_some_and(|id| !fits(id)) || self.name.len() > 255 {
            return bad("What describes an attachment is too long");
        }
        let inline = matches!(self.content_disposition, Some(Disposition::Inline));
        let Ok(content) = STANDARD.decode(&self.raw_content) else {
            return Err(Mistake(400, "SerializationException", "An attachment is not in base64".to_owned()));
        };
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let content_id = self.content_id.filter(|_| inline);
        Ok(ReceivedFile { name: self.name, content_type: kind, content_id, content })
    }
}
