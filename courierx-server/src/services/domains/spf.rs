//! SPF records (RFC 7208): read, and merged.

/// How a record begins.
const VERSION: &str = "v=spf1";

/// A term of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term<'a> {
    /// `include:domain`
    Include(&'a str),
    /// `redirect=domain`
    Redirect(&'a str),
    /// `a`, `a:domain`
    A(Option<&'a str>),
    /// `mx`, `mx:domain`
    Mx(Option<&'a str>),
    /// `exists:domain`
    Exists(&'a str),
    /// `ptr`, which is discouraged.
    Ptr,
    /// `all`
    All,
    /// Whatever costs no look-up.
    Free,
}

/// Whether a text means to be an SPF record.
pub(super) fn is_spf(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|first| first.eq_ignore_ascii_case(VERSION))
}

/// The terms of a record, in order, each with its text; or what is wrong with one of them.
pub(super) fn terms(record: &str) -> Result<Vec<(&str, Term<'_>)>, String> {
    let terms = record.split(' ').skip(1).filter(|term| !term.is_empty());
    terms
        .map(|text| match term(text) {
            Some(term) => Ok((text, term)),
            None => Err(format!("{:?} is no term of an SPF record", shortened(text))),
        })
        .collect()
}

fn term(text: &str) -> Option<Term<'_>> {
    if let Some((name, value)) = text.split_once('=')
        && !name.contains([':', '/'])
    {
        return match name.to_ascii_lowercase().as_str() {
            "redirect" => (!value.is_empty()).then_some(Term::Redirect(value)),
            // Modifiers that are not known are ignored.
            _ => name.starts_with(|one: char| one.is_ascii_alphabetic()).then_some(Term::Free),
        };
    }
    let mechanism = text.strip_prefix(['+', '-', '~', '?']).unwrap_or(text);
    // A network may stand behind the domain: `a:example.com/24//64`.
    let (mechanism, _) = match mechanism.to_ascii_lowercase() {
        lower if lower.starts_with("ip") => (mechanism, ""),
        _ => mechanism.split_once('/').unwrap_or((mechanism, "")),
    };
    let (name, value) = match mechanism.split_once(':') {
        Some((_, "")) => return None,
        Some((name, value)) => (name, Some(value)),
        None => (mechanism, None),
    };
    match (name.to_ascii_lowercase().as_str(), value) {
        ("include", Some(domain)) => Some(Term::Include(domain)),
        ("exists", Some(domain)) => Some(Term::Exists(domain)),
        ("a", domain) => Some(Term::A(domain)),
        ("mx", domain) => Some(Term::Mx(domain)),
        ("ptr", _) => Some(Term::Ptr),
        ("all", None) => Some(Term::All),
        ("ip4" | "ip6", Some(_)) => Some(Term::Free),
        _ => None,
    }
}

/// One record of everything that is published and of everything that is needed: these go before whatever ends the
/// record.
pub(super) fn merged(published: &[String], needed: &[String]) -> String {
    let mut terms: Vec<&str> = Vec::new();
    let mut end = None;
    for text in published.iter().flat_map(|record| record.split(' ').skip(1)).filter(|text| !text.is_empty())
    {
        if matches!(term(text), Some(Term::All | Term::Redirect(_))) {
            end = end.or(Some(text));
        } else if !terms.iter().any(|one| one.eq_ignore_ascii_case(text)) {
            terms.push(text);
        }
    }
    terms.extend(needed.iter().map(String::as_str));
    let all = [VERSION].into_iter().chain(terms).chain([end.unwrap_or("~all")]);
    all.collect::<Vec<_>>().join(" ")
}

/// A text that somebody else wrote, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    const CHARS: usize = 80;
    let mut short: String = text.chars().take(CHARS).collect();
    if text.chars().nth(CHARS).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read() {
        let record = "v=spf1  +a mx/24 a:b.example/24//64 -include:c.example ip4:192.0.2.0/24 ip6:2001:db8::/32 \
                      exists:%{i}.d.example ptr redirect=e.example exp=f.example ?all";
        let read: Vec<_> = terms(record).unwrap().into_iter().map(|(_, term)| term).collect();
        assert_eq!(
            read,
            [
                Term::A(None),
                Term::Mx(None),
                Term::A(Some("b.example")),
                Term::Include("c.example"),
                Term::Free,
                Term::Free,
                Term::Exists("%{i}.d.example"),
                Term::Ptr,
                Term::Redirect("e.example"),
                Term::Free,
                Term::All,
            ]
        );
        assert!(is_spf("V=SPF1") && is_spf("v=spf1 -all"));
        assert!(!is_spf("v=spf10 -all") && !is_spf("spf2.0/pra") && !is_spf(" v=spf1"));
    }

    #[test]
    fn what_is_no_term_is_told() {
        for wrong in ["include", "include:", "al", "a:", "all:x", "ip4", "=x", "2=x", "\u{7}"] {
            let record = format!("v=spf1 {wrong} -all");
            assert!(terms(&record).is_err(), "{wrong}");
        }
    }

    #[test]
    fn merging_keeps_what_is_published() {
        let one = |text: &str| vec![text.to_owned()];
        let needed = one("include:mailgun.org");
        assert_eq!(merged(&[], &needed), "v=spf1 include:mailgun.org ~all");
        assert_eq!(merged(&one("v=spf1 mx -all"), &needed), "v=spf1 mx include:mailgun.org -all");
        assert_eq!(
            merged(&one("v=spf1 mx redirect=a.example"), &needed),
            "v=spf1 mx include:mailgun.org redirect=a.example"
        );
        let two = ["v=spf1 mx include:b.example -all".to_owned(), "v=spf1 MX a ~all".to_owned()];
        assert_eq!(merged(&two, &[]), "v=spf1 mx include:b.example a -all");
    }
}
