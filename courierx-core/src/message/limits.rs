//! What a message may hold. Every limit is checked when a value is built, and again when it is read back.
//!
//! They bound what one message can cost the process that accepts it. A provider may allow less; its
//! capability says so.

/// Recipients of one message: to, cc and bcc together, each address counted once.
pub const MAX_RECIPIENTS: usize = 1000;
/// Addresses in `Reply-To`.
pub const MAX_REPLY_TO: usize = 10;
/// Bytes of the HTML body, and of the text body, each as UTF-8.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Attachments, inline parts included.
pub const MAX_ATTACHMENTS: usize = 100;
/// Bytes of the whole message, with attachments in base64: see [`Email::estimated_bytes`](super::Email::estimated_bytes).
pub const MAX_MESSAGE_BYTES: usize = 40 * 1024 * 1024;
/// Bytes of the template variables, as JSON.
pub const MAX_VARIABLES_BYTES: usize = 256 * 1024;
/// How deep arrays and objects may nest in a template variable. A reader of JSON gives up at 128.
pub const MAX_VARIABLES_DEPTH: usize = 32;
/// Tags of one message.
pub const MAX_TAGS: usize = 50;
/// Metadata entries of one message.
pub const MAX_METADATA: usize = 50;
/// Custom headers of one message.
pub const MAX_HEADERS: usize = 50;

/// Bytes of a whole address: the 256 of an SMTP path without its angle brackets (RFC 5321 §4.5.3.1.3).
pub const MAX_ADDRESS_BYTES: usize = 254;
/// Bytes of the part of an address before the `@` (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_PART_BYTES: usize = 64;
/// Bytes of a display name.
pub const MAX_DISPLAY_NAME_BYTES: usize = 320;
/// Bytes of a subject, before and after rendering: one line (RFC 5322 §2.1.1).
pub const MAX_SUBJECT_BYTES: usize = 998;
/// Bytes of the name of a custom header. With its colon it fits a folded line (RFC 5322 §2.1.1).
pub const MAX_HEADER_NAME_BYTES: usize = 76;
/// Bytes of the value of a custom header, before it is folded.
pub const MAX_HEADER_VALUE_BYTES: usize = 2000;
/// Bytes of a tag.
pub const MAX_TAG_BYTES: usize = 128;
/// Bytes of the name of a topic.
pub const MAX_TOPIC_BYTES: usize = 100;
/// Bytes of a metadata key.
pub const MAX_METADATA_KEY_BYTES: usize = 64;
/// Bytes of a metadata value.
pub const MAX_METADATA_VALUE_BYTES: usize = 1000;
/// Bytes of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 256;
/// Bytes of an attachment's file name: what common file systems hold.
pub const MAX_FILE_NAME_BYTES: usize = 255;
/// Bytes of an attachment's content type, parameters included.
pub const MAX_CONTENT_TYPE_BYTES: usize = 255;
/// Bytes of a content id, without its angle brackets.
pub const MAX_CONTENT_ID_BYTES: usize = 255;

/// Problems that an [`InvalidEmail`](super::InvalidEmail) lists; further ones are only counted.
pub const MAX_PROBLEMS: usize = 50;
