//! What an address of ours holds, and the signature that makes it ours.
//!
//! A token is base64url (RFC 4648 §5, without padding) of: a version, a kind, the name of the key (4 bytes), tenant and
//! message (16 each), the recipient (2, or `ffff`), the target of a click or the topic, and the first 16 bytes of
//! HMAC-SHA256 over all that.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::id::{MessageId, TenantId};
use crate::message::Topic;
use crate::vault::{KeyId, Vault};

const VERSION: u8 = 1;
/// Version, kind, key, tenant, message, recipient.
const HEADER: usize = 1 + 1 + 4 + 16 + 16 + 2;
const SIGNATURE: usize = 16;
/// What stands where no recipient does.
const NOBODY: u16 = u16::MAX;
/// The longest target of a click, in bytes: with the rest, its address stays below what programs bear.
pub const MAX_TARGET_BYTES: usize = 2048;
/// The longest token, in characters.
const MAX_TOKEN: usize = (HEADER + MAX_TARGET_BYTES + SIGNATURE).div_ceil(3) * 4;
/// What the keys are derived for.
const PURPOSE: &str = "courierx links 1";

/// What a token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose message it stands in.
    pub tenant: TenantId,
    /// The message.
    pub message: MessageId,
    /// Which recipient, by position; none if the message has several, who all got the same link.
    pub recipient: Option<u32>,
    /// What it is for.
    pub kind: LinkKind,
}

/// What a link is for.
#[derive(Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// An image that is fetched when the message is shown.
    Open,
    /// Leads on.
    Click {
        /// Where to: what stood in the message.
        target: String,
    },
    /// Lets the recipient leave.
    Unsubscribe {
        /// What they leave; everything if none.
        topic: Option<Topic>,
    },
}

/// Shows neither target nor topic.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("tenant", &self.tenant)
            .field("message", &self.message)
            .field("recipient", &self.recipient)
            .field("kind", &self.kind)
            .finish()
    }
}

impl fmt::Debug for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Click { .. } => "Click",
            Self::Unsubscribe { .. } => "Unsubscribe",
        })
    }
}

impl LinkKind {
    fn code(&self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Click { .. } => 2,
            Self::Unsubscribe { .. } => 3,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Open => "",
            Self::Click { target } => target,
            Self::Unsubscribe { topic } => topic.as_ref().map_or("", Topic::as_str),
        }
    }

    fn read(code: u8, text: &str) -> Option<Self> {
        Some(match code {
            1 if text.is_empty() => Self::Open,
            2 if !text.is_empty() => Self::Click { target: text.to_owned() },
            3 if text.is_empty() => Self::Unsubscribe { topic: None },
            3 => Self::Unsubscribe { topic: Some(Topic::new(text).ok()?) },
            _ => return None,
        })
    }
}

/// Not a link of ours: altered, cut off, signed with a key that is gone, or never one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a link of this sender")]
pub struct InvalidLink;

/// The keys that sign links: derived from those of a vault, so that they change with them. What a retired key signed is
/// still believed.
#[derive(Clone)]
pub struct LinkKeys(Vec<(KeyId, Zeroizing<[u8; 32]>)>);

impl LinkKeys {
    /// Those of a vault. All processes that serve the same messages need the same one.
    pub fn of(vault: &Vault) -> Self {
        Self(vault.derive(PURPOSE))
    }

    /// The token of a link: the same whenever the link is.
    pub fn sign(&self, link: &Link) -> String {
        let text = link.kind.text();
        let mut bytes = Vec::with_capacity(HEADER + text.len() + SIGNATURE);
        // A vault has a key.
        let Some((id, key)) = self.0.first() else { return String::new() };
        bytes.extend([VERSION, link.kind.code()]);
        bytes.extend(id.to_be_bytes());
        bytes.extend(link.tenant.as_bytes());
        bytes.extend(link.message.as_bytes());
        let recipient = link.recipient.and_then(|index| u16::try_from(index).ok()).unwrap_or(NOBODY);
        bytes.extend(recipient.to_be_bytes());
        bytes.extend(text.as_bytes());
        let signature = mac(key, &bytes).finalize().into_bytes();
        bytes.extend(&signature[..SIGNATURE]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says, if it is ours.
    pub fn read(&self, token: &str) -> Result<Link, InvalidLink> {
        if token.len() > MAX_TOKEN {
            return Err(InvalidLink);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidLink)?;
        let (signed, signature) = bytes.split_last_chunk::<SIGNATURE>().ok_or(InvalidLink)?;
        let (header, text) = signed.split_first_chunk::<HEADER>().ok_or(InvalidLink)?;
        if header[0] != VERSION {
            return Err(InvalidLink);
        }
        // 32 bits of a hash can collide, however rarely.
        let mut named = self.0.iter().filter(|(id, _)| id.to_be_bytes() == header[2..6]);
        // In constant time.
        if !named.any(|(_, key)| mac(key, signed).verify_truncated_left(signature).is_ok()) {
            return Err(InvalidLink);
        }
        let text = std::str::from_utf8(text).map_err(|_| InvalidLink)?;
        let recipient = u16::from_be_bytes([header[38], header[39]]);
        Ok(Link {
            tenant: TenantId::from_bytes(sixteen(&header[6..22])),
            message: MessageId::from_bytes(sixteen(&header[22..38])),
            recipient: (recipient != NOBODY).then_some(recipient.into()),
            kind: LinkKind::read(header[1], text).ok_or(InvalidLink)?,
        })
    }
}

impl fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id.to_string())).finish()
    }
}

fn mac(key: &Zeroizing<[u8; 32]>, bytes: &[u8]) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key[..]) else {
        unreachable!("HMAC takes keys of any length")
    };
    // For this use alone, should a key ever get another one.
    mac.update(b"courierx link\0");
    mac.update(bytes);
    mac
}

fn sixteen(bytes: &[u8]) -> [u8; 16] {
    let mut array = [0; 16];
    array.copy_from_slice(bytes);
    array
}
