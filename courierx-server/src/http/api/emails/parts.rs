//! Parts of a message, as clients write them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::message::{Attachment, EmailBuilder};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::error::FieldError;
use crate::schema::{ListOf, Null, any_of, stands_for};
use crate::services::emails::RemoteFile;

/// A file to attach.
#[derive(Deserialize, ToSchema)]
pub(in crate::http::api) struct AttachedFile {
    #[serde(default, alias = "name")]
    filename: Option<String>,
    /// In base64.
    #[serde(default)]
    content: Option<String>,
    /// Where it is fetched from instead.
    #[serde(default, alias = "path")]
    url: Option<String>,
    #[serde(default, alias = "contentType", alias = "type")]
    content_type: Option<String>,
    #[serde(default, alias = "contentId", alias = "cid")]
    content_id: Option<String>,
}

/// One address or several.
#[derive(Default)]
pub(in crate::http::api) struct Addresses(pub(in crate::http::api) Vec<String>);

stands_for! {
    /// An address with or without a name, or nothing, as forms send it.
    AddressText: String.pattern(r"[^\s@]@[^\s@]|^\s*$");
}
any_of! { Addresses: AddressText, ListOf<AddressText>, Null }

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Addresses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address or a list of addresses")
            }

            fn visit_str<E>(self, text: &str) -> Result<Addresses, E> {
                Ok(Addresses(vec![text.to_owned()]))
            }

            fn visit_unit<E>(self) -> Result<Addresses, E> {
                Ok(Addresses::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Addresses, A::Error> {
                let mut addresses = Vec::new();
                while let Some(address) = list.next_element()? {
                    addresses.push(address);
                }
                Ok(Addresses(addresses))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// What a file is of which nobody says it.
const UNKNOWN: &str = "application/octet-stream";

impl AttachedFile {
    /// The file, if it is to be fetched.
    pub(super) fn into_remote(self) -> Result<RemoteFile, Self> {
        let Self { filename, content: None, url: Some(url), content_type, content_id } = self else {
            return Err(self);
        };
        let file_name = filename.unwrap_or_else(|| last_segment(&url));
        Ok(RemoteFile { url, file_name, content_type, content_id })
    }

    pub(in crate::http::api) fn attach_to(
        self,
        email: EmailBuilder,
        index: usize,
        wrong: &mut Vec<FieldError>,
    ) -> EmailBuilder {
        let Self { filename, content, url, content_type, content_id } = self;
        let mut refuse = |part: &str, text: &str| {
            wrong.push(FieldError::new(format!("attachments[{index}].{part}"), text));
        };
        let Some(filename) = filename else {
            refuse("filename", "is missing");
            return email;
        };
        let content = match (content, url) {
            (Some(content), None) => STANDARD.decode(content.as_bytes()).map_err(|_| "must be base64"),
            (Some(_), Some(_)) => Err("is given together with url; one of them is enough"),
            (None, Some(_)) => Err("is missing; here no file is fetched from a url"),
            (None, None) => Err("is missing, and so is url"),
        };
        let content = match content {
            Ok(content) => content,
            Err(text) => {
                refuse("content", text);
                return email;
            }
        };
        let content_type = content_type.unwrap_or_else(|| UNKNOWN.to_owned());
        match content_id {
            Some(id) => email.attach(Attachment::inline(id, filename, content_type, content)),
            None => email.attach(Attachment::new(filename, content_type, content)),
        }
    }
}

impl RemoteFile {
    /// Adds an empty file of its name and type, where it will be.
    pub(super) fn hold_place(&self, email: EmailBuilder) -> EmailBuilder {
        let content_type = self.content_type.as_deref().unwrap_or(UNKNOWN);
        match &self.content_id {
            Some(id) => email.attach(Attachment::inline(id, &self.file_name, content_type, Vec::new())),
            None => email.attach(Attachment::new(&self.file_name, content_type, Vec::new())),
        }
    }
}

/// What a URL calls the file that it leads to.
fn last_segment(url: &str) -> String {
    let parsed = reqwest::Url::parse(url).ok();
    let segment = parsed.as_ref().and_then(|url| url.path_segments()?.next_back());
    segment.filter(|segment| !segment.is_empty()).unwrap_or("attachment").to_owned()
}
