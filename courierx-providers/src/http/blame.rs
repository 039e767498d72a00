//! Whom an error is about that refuses a whole message for one of its recipients.

use courierx_core::provider::{Outcome, OutgoingRecipient, RecipientOutcome, Refusal, RefusalKind};

/// The outcome of a request of which nothing was sent because of a recipient.
///
/// Whoever `text` names is refused; the others can be sent to without them, at the next step. Where it names
/// nobody, a recipient that is the only suspect is meant. Of several suspects nobody can tell which it is, and none
/// is given up for good: the vendor will not have this request, which is a matter of the content. What the vendor
/// suppresses without a name is all of them.
pub(crate) fn blame(
    mut refusal: Refusal,
    recipients: &[OutgoingRecipient],
    text: &str,
    suspect: impl Fn(&OutgoingRecipient) -> bool,
) -> Outcome {
    if !refusal.kind.ends_recipient() || recipients.len() < 2 {
        return Outcome::Refused(refusal);
    }
    let text = text.to_lowercase();
    let mut guilty: Vec<bool> =
        recipients.iter().map(|one| names(&text, one.mailbox.address().as_str())).collect();
    if !guilty.contains(&true) {
        if refusal.kind == RefusalKind::Suppressed {
            return Outcome::Refused(refusal);
        }
        guilty = recipients.iter().map(suspect).collect();
        if guilty.iter().filter(|&&one| one).count() != 1 {
            refusal.kind = RefusalKind::Content;
            return Outcome::Refused(refusal);
        }
    }
    let mut innocent = refusal.clone();
    innocent.kind = RefusalKind::RecipientTemporary;
    "nothing was sent because of another recipient".clone_into(&mut innocent.detail);
    let each = guilty
        .iter()
        .map(|&guilty| RecipientOutcome::Refused(if guilty { refusal.clone() } else { innocent.clone() }));
    Outcome::from_each(each.collect())
}

/// Whether a text in lower case names an address, and not a longer one that contains it.
fn names(text: &str, address: &str) -> bool {
    let address = address.to_lowercase();
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+');
    text.match_indices(&address).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + address.len()..].chars();
        let (next, second) = (after.next(), after.next());
        // A dot behind an address ends a sentence, unless a label follows.
        let goes_on = next.is_some_and(|c| part(c) || c == '.' && second.is_some_and(part));
        !goes_on && !before.is_some_and(|c| part(c) || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_as_a_whole() {
        for (text, named) in [
            ("invalid 'to' address: 'ada@example.com'.", true),
            ("ada@example.com. inactive recipients", true),
            ("<ada@example.com>, bob@example.com", true),
            ("ada@example.com", true),
            ("nada@example.com", false),
            ("x.ada@example.com", false),
            ("ada@example.com.au is wrong", false),
            ("ada@example.company", false),
            ("xada@example.com and ada@example.com", true),
            ("", false),
        ] {
            assert_eq!(names(text, "Ada@example.com"), named, "{text}");
        }
    }
}
