//! Whom an error is about that refuses a whole message for one of its recipients.

use std::ops::Range;

use courierx_core::provider::{Outcome, OutgoingRecipient, RecipientOutcome, Refusal, RefusalKind};

/// Bytes of a text in which addresses are looked for: what is longer is no error message.
const LONGEST: usize = 10_000;

/// The outcome of a request of which nothing was sent because of a recipient.
///
/// Whoever `text` names is refused; the others can be sent to without them, at the next step. Where it names
/// nobody, a recipient that is the only suspect is meant. Of several, named or suspected, nobody can tell which it
/// is, and none is given up for good: the vendor will not have this request, which is a matter of the content. What
/// the vendor suppresses can be several, and without a name is all of them.
pub(crate) fn blame(
    mut refusal: Refusal,
    recipients: &[OutgoingRecipient],
    text: &str,
    suspect: impl Fn(&OutgoingRecipient) -> bool,
) -> Outcome {
    if !refusal.kind.ends_recipient() || recipients.len() < 2 {
        return Outcome::Refused(refusal);
    }
    let suppressed = refusal.kind == RefusalKind::Suppressed;
    let addresses: Vec<_> = recipients.iter().map(|one| one.mailbox.address().as_str()).collect();
    let mut guilty = named(text, &addresses);
    if !guilty.contains(&true) {
        if suppressed {
            return Outcome::Refused(refusal);
        }
        guilty = recipients.iter().map(suspect).collect();
    }
    if !suppressed && guilty.iter().filter(|&&one| one).count() != 1 {
        refusal.kind = RefusalKind::Content;
        return Outcome::Refused(refusal);
    }
    let mut innocent = refusal.clone();
    innocent.kind = RefusalKind::RecipientTemporary;
    "nothing was sent because of another recipient".clone_into(&mut innocent.detail);
    let each = guilty
        .iter()
        .map(|&guilty| RecipientOutcome::Refused(if guilty { refusal.clone() } else { innocent.clone() }));
    Outcome::from_each(each.collect())
}

/// Which of these addresses a text names, each as a whole, in any case of ASCII. Where it can be read in several
/// ways, it names none.
pub(crate) fn named(text: &str, addresses: &[&str]) -> Vec<bool> {
    if text.len() > LONGEST {
        return vec![false; addresses.len()];
    }
    let text = text.to_ascii_lowercase();
    let found: Vec<Vec<Range<usize>>> = addresses
        .iter()
        .map(|address| {
            let address = address.to_ascii_lowercase();
            text.match_indices(&address).map(|(at, _)| at..at + address.len()).collect()
        })
        .collect();
    let in_longer = |one: &Range<usize>| {
        let mut all = found.iter().flatten();
        all.any(|other| other.len() > one.len() && other.start <= one.start && one.end <= other.end)
    };
    let holds = |one: &Range<usize>| stands_alone(&text, one) && !in_longer(one);
    found.iter().map(|places| places.iter().any(holds)).collect()
}

/// Whether an address is not a part of another one where it stands in a text (RFC 5321 §4.1.2).
fn stands_alone(text: &str, place: &Range<usize>) -> bool {
    let (head, address, tail) = (&text[..place.start], &text[place.clone()], &text[place.end..]);
    let mut before = head.chars().rev();
    let mut after = tail.chars();
    let (last, last_but_one) = (before.next(), before.next());
    let (next, second) = (after.next(), after.next());
    // Letters of addresses with which texts quote, too.
    let is_quote = |c: char| c == '\'' || c == '`';
    let goes_on = match next {
        // A dot behind an address ends a sentence, unless a label follows.
        Some('.') => second.is_some_and(is_atext),
        Some(c) if is_quote(c) => address.starts_with(c),
        Some(c) => is_atext(c) || c == '@',
        None => false,
    };
    let comes_from = |c: char| is_atext(c) || matches!(c, '.' | '@');
    let begins = match last {
        Some(c) if is_quote(c) => next == Some(c) && !last_but_one.is_some_and(comes_from),
        // What quotes a quotation could be a part of it.
        Some('"' | '\\') => !address.starts_with('"'),
        Some(c) => !comes_from(c),
        None => true,
    };
    // Between quotation marks, the last of them before an `@`, is one local part, whatever it looks like.
    let quoted = head.contains('"') && tail.contains("\"@");
    begins && !goes_on && !quoted
}

/// Whether an unquoted local part can have this character (RFC 5322 §3.2.3, RFC 6531 §3.3); a domain's are among
/// them.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use courierx_core::message::Email;
    use courierx_core::provider::{Content, Outgoing};
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use super::*;

    #[test]
    fn an_address_is_named_as_a_whole() {
        for (text, expected) in [
            ("invalid 'to' address: 'ada@example.com'.", true),
            ("invalid `to`: `ada@example.com`", true),
            ("ada@example.com. inactive recipients", true),
            ("<ada@example.com>, bob@example.com", true),
            ("\"Ada\" <ADA@example.com>", true),
            ("no \"ada@example.com\" here", true),
            ("ada@example.com's mailbox", true),
            ("mailto:ada@example.com", true),
            ("ada@example.com", true),
            ("nada@example.com", false),
            ("x.ada@example.com", false),
            ("o'ada@example.com", false),
            ("'o'ada@example.com'", false),
            ("'ada@example.com", false),
            ("x+ada@example.com", false),
            ("x/ada@example.com", false),
            ("x!ada@example.com", false),
            ("éada@example.com", false),
            ("\"x ada@example.com y\"@example.org", false),
            ("\"x\".ada@example.com", false),
            ("ada@example.com.au is wrong", false),
            ("ada@example.company", false),
            ("ada@example.com-x.au", false),
            ("ada@example.com@example.org", false),
            ("xada@example.com and ada@example.com", true),
            ("", false),
        ] {
            assert_eq!(named(text, &["Ada@example.com"]), [expected], "{text}");
        }
        assert_eq!(named(&"ada@example.com ".repeat(1000), &["ada@example.com"]), [false]);
    }

    #[test]
    fn an_address_in_another_is_not_named() {
        let table: [(&str, &[&str], &[bool]); 5] = [
            ("o'brien@x.com is wrong", &["o'brien@x.com", "brien@x.com"], &[true, false]),
            ("'o'brien@x.com' is wrong", &["brien@x.com", "o'brien@x.com"], &[false, true]),
            ("wrong: 'brien@x.com'", &["brien@x.com", "'brien@x.com"], &[false, false]),
            ("wrong: \"a b@x.com\"@y.com", &["b@x.com", "\"a b@x.com\"@y.com"], &[false, true]),
            ("wrong: a@x.com.au", &["a@x.com", "a@x.com.au"], &[false, true]),
        ];
        for (text, addresses, expected) in table {
            assert_eq!(named(text, addresses), expected, "{text}");
        }
    }

    fn outcome(kind: RefusalKind, text: &str, addresses: &[&str]) -> Outcome {
        let email =
            addresses.iter().fold(Email::builder().from("s@example.com"), |email, &one| email.to(one));
        let email = email.subject("x").text("x").build().unwrap();
        let message = Outgoing::builder(Content::literal(email)).build();
        blame(Refusal::new(kind, text), message.recipients(), text, |_| false)
    }

    #[test]
    fn of_several_that_are_named_none_is_invalid_and_all_are_suppressed() {
        let (text, addresses) = ("a@x.com, b@x.com", ["a@x.com", "b@x.com", "c@x.com"]);
        let kinds = |kind| -> Vec<RefusalKind> {
            let outcome = outcome(kind, text, &addresses);
            let kind = |at| match outcome.of(at) {
                RecipientOutcome::Refused(refusal) => refusal.kind,
                other => panic!("{other:?}"),
            };
            (0..3).map(kind).collect()
        };
        assert_eq!(kinds(RefusalKind::Recipient), [RefusalKind::Content; 3]);
        let suppressed = [RefusalKind::Suppressed, RefusalKind::Suppressed, RefusalKind::RecipientTemporary];
        assert_eq!(kinds(RefusalKind::Suppressed), suppressed);
    }

    fn address() -> impl Strategy<Value = String> {
        let local = prop_oneof![
            proptest::collection::vec(
                select(vec!["a", "b", "ab", "o'", "'", "`", "+", "-", "/", "=", "{", "!", "to"]),
                1..4,
            )
            .prop_map(|parts| parts.concat()),
            "[ab'+]{1,2}\\.[ab'`+]{1,2}",
            "\"[ab @.']{1,6}\"",
            "\"[ab] [ab]@x\\.com( [ab])?\"",
        ];
        let domain = select(vec!["x.com", "x.com.au", "b.x.com", "x.co", "x.com-y.com", "a-x.com"]);
        (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn who_is_named_is_blamed_or_nobody_is(
            addresses in proptest::collection::btree_set(address(), 2..6),
            guilty in any::<Index>(),
            template in select(vec![
                "{}", "{}.", "<{}>", "'{}'", "`{}`", "\"{}\"", "({})", "mailto:{}", "{}'s mailbox", "X <{}>, and more.",
                "Invalid 'to' address: '{}'. See \"help\".", "\"to\": \"{}\" is invalid", "{}, sorry", "wrong:\n{}\n",
            ]),
        ) {
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            let guilty = guilty.index(addresses.len());
            let named = named(&template.replace("{}", addresses[guilty]), &addresses);
            for (at, &named) in named.iter().enumerate() {
                prop_assert!(!named || at == guilty, "{template}: {addresses:?}, not {}", addresses[guilty]);
            }
        }
    }
}
