//! Parts of a message, as clients write them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::message::{Attachment, EmailBuilder};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::FieldError;

/// A file to attach.
#[derive(Deserialize)]
pub(in crate::http::api) struct AttachedFile {
    filename: String,
    /// In base64.
    content: String,
    #[serde(default, alias = "contentType")]
    content_type: Option<String>,
    #[serde(default, alias = "contentId")]
    content_id: Option<String>,
}

/// One address or several.
#[derive(Default)]
pub(in crate::http::api) struct Addresses(pub(in crate::http::api) Vec<String>);

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

impl AttachedFile {
    pub(in crate::http::api) fn attach_to(
        self,
        email: EmailBuilder,
        index: usize,
        wrong: &mut Vec<FieldError>,
    ) -> EmailBuilder {
        let Self { filename, content, content_type, content_id } = self;
        let Ok(content) = STANDARD.decode(content.as_bytes()) else {
            wrong.push(FieldError::new(format!("attachments[{index}].content"), "must be base64"));
            return email;
        };
        let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        match content_id {
            Some(id) => email.attach(Attachment::inline(id, filename, content_type, content)),
            None => email.attach(Attachment::new(filename, content_type, content)),
        }
    }
}
