//! Whose address it is that Mailgun finds invalid.

use courierx_core::message::RecipientField;
use courierx_core::provider::{OutgoingRecipient, RecipientOutcome, Refusal, RefusalKind};

use super::IN_COMPANY;

/// What stands behind the name of the field that has an invalid address.
const PARAMETER: &str = " parameter is not a valid";

/// Whose refusal it is that one address is invalid. Nothing was sent to anybody.
///
/// Mailgun names the field at most. If that leaves one recipient, or the sentence repeats one's address, it is
/// that one's; else nobody's in particular. `enveloped` is a request that has all recipients in one field.
pub(super) fn blame(refusal: &Refusal, all: &[&OutgoingRecipient], enveloped: bool) -> Vec<RecipientOutcome> {
    let field = field(&refusal.detail).filter(|_| !enveloped);
    let positions = |holds: &dyn Fn(&OutgoingRecipient) -> bool| -> Vec<usize> {
        all.iter().enumerate().filter(|(_, one)| holds(one)).map(|(at, _)| at).collect()
    };
    let named = positions(&|one| mentions(&refusal.detail, one.mailbox.address().as_str()));
    let possible = positions(&|one| field.is_none_or(|field| one.field == field));
    let culprit = match (named.as_slice(), possible.as_slice()) {
        _ if all.len() == 1 => Some(0),
        ([one], _) | ([], [one]) => Some(*one),
        _ => None,
    };
    let company = |detail: &str| {
        let mut refusal = Refusal::new(RefusalKind::RecipientTemporary, detail);
        refusal.status = Some(400);
        RecipientOutcome::Refused(refusal.code(IN_COMPANY))
    };
    let each = (0..all.len()).map(|at| match culprit {
        Some(position) if position == at => RecipientOutcome::Refused(refusal.clone()),
        Some(_) => company("nothing was sent, since Mailgun finds another recipient's address invalid"),
        None => company(
            "nothing was sent: Mailgun finds one of several addresses invalid, and does not say which",
        ),
    });
    each.collect()
}

/// The field that a refusal names.
fn field(sentence: &str) -> Option<RecipientField> {
    let before = sentence.to_lowercase();
    let before = &before[..before.find(PARAMETER)?];
    let word = before.rsplit(' ').next()?.trim_matches(['\'', '`', '"']);
    match word {
        "to" => Some(RecipientField::To),
        "cc" => Some(RecipientField::Cc),
        "bcc" => Some(RecipientField::Bcc),
        _ => None,
    }
}

/// Whether a sentence has this address, and not one that ends with it or begins with it.
pub(super) fn mentions(sentence: &str, address: &str) -> bool {
    let (sentence, address) = (sentence.to_lowercase(), address.to_lowercase());
    let goes_on = |c: char| c.is_alphanumeric() || "!#$%&*+-/=?^_{|}~@".contains(c);
    sentence.match_indices(&address).any(|(at, _)| {
        let before = sentence[..at].chars().next_back();
        let mut after = sentence[at + address.len()..].chars();
        let (next, second) = (after.next(), after.next());
        let longer = next.is_some_and(|c| goes_on(c) || c == '.' && second.is_some_and(goes_on));
        !before.is_some_and(|c| goes_on(c) || c == '.') && !longer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_mentioned_or_is_part_of_another() {
        for (sentence, expected) in [
            ("ada@example.com", true),
            ("'Ada@Example.com' parameter", true),
            ("is ada@example.com.", true),
            ("bada@example.com", false),
            ("b.ada@example.com", false),
            ("ada@example.com.au", false),
            ("ada@example.community", false),
            ("", false),
        ] {
            assert_eq!(mentions(sentence, "ada@example.com"), expected, "{sentence}");
        }
    }

    #[test]
    fn a_field_is_read_in_any_quotes() {
        for (sentence, expected) in [
            ("to parameter is not a valid address. please check documentation", Some(RecipientField::To)),
            ("'cc' parameter is not a valid address", Some(RecipientField::Cc)),
            ("The `bcc` parameter is not a valid address", Some(RecipientField::Bcc)),
            ("reply-to parameter is not a valid address", None),
            ("", None),
        ] {
            assert_eq!(field(sentence), expected, "{sentence}");
        }
    }
}
