//! File names that readers would take for something else.

use std::fmt::Write as _;

/// Characters of a name in one piece (RFC 2231 §3), so that a line keeps to 78.
const PIECE: usize = 54;

/// The rest of `Content-Disposition` for a name that looks like an encoded word (RFC 2047): many readers decode
/// one within quotes too, so every byte that could be part of one is written by its number.
pub(super) fn spelled_out(name: &str) -> Option<String> {
    if !name.contains("=?") {
        return None;
    }
    let mut pieces = vec![String::from("utf-8''")];
    for byte in name.bytes() {
        let mut written = String::with_capacity(3);
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            written.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(written, "%{byte:02X}");
        }
        match pieces.last_mut() {
            Some(piece) if piece.len() + written.len() <= PIECE => piece.push_str(&written),
            _ => pieces.push(written),
        }
    }
    let pieces = pieces.iter().enumerate().map(|(number, piece)| format!("\r\n filename*{number}*={piece}"));
    Some(pieces.collect::<Vec<_>>().join(";"))
}
