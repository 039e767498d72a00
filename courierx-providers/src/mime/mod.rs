//! Messages as RFC 5322 bytes: what SMTP carries, and what vendors take that accept raw messages.
//!
//! [`render`] is a function of the hand-over alone: no clock and no randomness, so that repeating a
//! hand-over repeats its bytes. All bodies travel in 7-bit encodings, so no server needs 8BITMIME (RFC 6152).
//! The bytes are ASCII unless an address in the header has a local part beyond ASCII (RFC 6532).

mod body;
mod encoding;
mod file_name;
mod header;

use courierx_core::clock::Timestamp;
#[cfg(feature = "mailgun")]
use courierx_core::message::Mailbox;
use courierx_core::provider::Outgoing;

use header::HeaderBlock;
#[cfg(feature = "ses")]
pub(crate) use header::mailbox_line;

/// The header that carries the delivery id, so that whoever finds a copy knows which hand-over it was.
pub const DELIVERY_HEADER: &str = "X-Courierx-Delivery";

/// Writes a hand-over as one message: CRLF line ends, no line longer than 998 bytes (RFC 5322 §2.1.1).
///
/// The header shows every recipient in To and Cc, whomever this hand-over is for, and Bcc nowhere. Without
/// any in To and Cc, `To` is an empty group (RFC 5322 §3.4), since some filters refuse a message without one.
pub fn render(message: &Outgoing) -> Vec<u8> {
    let mut head = HeaderBlock::with_capacity(capacity(message));
    head.date(printable(message.date()));
    head.mailboxes("From", std::slice::from_ref(message.from()));
    head.mailboxes("To", message.to());
    head.mailboxes("Cc", message.cc());
    if message.to().is_empty() && message.cc().is_empty() {
        head.raw("To", "undisclosed-recipients:;");
    }
    head.mailboxes("Reply-To", message.reply_to());
    head.text("Subject", message.subject().as_str());
    head.raw("Message-ID", message.header_message_id());
    head.raw(DELIVERY_HEADER, &message.delivery_id().to_string());
    for header in message.headers() {
        head.text(header.name.as_str(), header.value.as_str());
    }
    head.raw("MIME-Version", "1.0");
    let mut bytes = head.into_bytes();
    body::append(&mut bytes, message);
    bytes
}

/// Mailboxes as the value of a header, on one line and in ASCII where the addresses are: for vendors that write
/// the header themselves and cannot be relied on to encode a name and leave the address alone.
#[cfg(feature = "mailgun")]
pub(crate) fn mailboxes<'a>(mailboxes: impl IntoIterator<Item = &'a Mailbox>) -> String {
    let mailboxes: Vec<_> = mailboxes.into_iter().cloned().collect();
    let mut head = HeaderBlock::default();
    head.mailboxes("To", &mailboxes);
    let field = String::from_utf8(head.into_bytes()).unwrap_or_default().replace("\r\n", "");
    field.strip_prefix("To: ").unwrap_or_default().to_owned()
}

/// About how many bytes it will have: a guess that is too small costs copies, and of a large file a copy is
/// what must not be made.
fn capacity(message: &Outgoing) -> usize {
    /// The header fields of a message or a part, and its boundaries.
    const FIELDS: usize = 512;
    let texts =
        [message.text(), message.html()].into_iter().flatten().map(|text| FIELDS + text.len() * 9 / 8);
    let files = message.attachments().iter().map(|file| {
        FIELDS + file.content_type().as_str().len() + encoding::encoded_len(file.content().len())
    });
    let people = message.to().len() + message.cc().len();
    2 * FIELDS + people * 64 + texts.chain(files).sum::<usize>()
}

/// The nearest date that the header can show.
fn printable(date: Timestamp) -> Timestamp {
    date.clamp(Timestamp::EPOCH, Timestamp::MAX)
}
