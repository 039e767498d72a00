//! DMARC records (RFC 7489).

use super::name::parents;
use crate::dns::{DnsError, DnsLookup};
use crate::model::domains::{Dmarc, State};

/// Domains that are asked: this one and those that it is part of.
const ASKED: usize = 5;
/// Characters of a record that are kept.
const KEPT: usize = 500;

/// What holds for this domain: its own record, or that of a domain it is part of.
pub(super) async fn find(dns: &dyn DnsLookup, domain: &str) -> Result<Dmarc, DnsError> {
    for asked in [domain].into_iter().chain(parents(domain)).take(ASKED) {
        let texts = dns.txt(&format!("_dmarc.{asked}")).await?;
        let records: Vec<_> = texts.into_iter().filter(|text| is_dmarc(text)).collect();
        match &records[..] {
            [] => {}
            [record] => return Ok(read(record, asked, asked == domain)),
            _ => {
                let problem = Some(format!("{asked} has several DMARC records, so receivers ignore them"));
                let domain = Some(asked.to_owned());
                return Ok(Dmarc { state: State::Wrong, domain, record: None, policy: None, problem });
            }
        }
    }
    Ok(Dmarc { state: State::Missing, ..Dmarc::unknown() })
}

fn is_dmarc(text: &str) -> bool {
    let first = text.split(';').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, value)| name.trim() == "v" && value.trim() == "DMARC1")
}

fn read(record: &str, domain: &str, own: bool) -> Dmarc {
    let tag = |wanted: &str| {
        let tags = record.split(';').filter_map(|tag| tag.split_once('='));
        let mut values = tags.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        values.next().map(|(_, value)| value.trim().to_ascii_lowercase())
    };
    // What is below a domain may have another policy than itself.
    let policy = if own { None } else { tag("sp") }.or_else(|| tag("p"));
    let known = policy.filter(|policy| ["none", "quarantine", "reject"].contains(&policy.as_str()));
    let (state, problem) = match known {
        Some(_) => (State::Found, None),
        None => (State::Wrong, Some("its policy (p) must be none, quarantine or reject".to_owned())),
    };
    let record = Some(record.chars().take(KEPT).collect());
    Dmarc { state, domain: Some(domain.to_owned()), record, policy: known, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let policy = |record: &str, own| read(record, "a.example", own).policy;
        assert_eq!(policy("v=DMARC1; p=Reject; sp=none", true).as_deref(), Some("reject"));
        assert_eq!(policy("v=DMARC1; p=reject; sp=none", false).as_deref(), Some("none"));
        assert_eq!(policy("v=DMARC1;p=quarantine", false).as_deref(), Some("quarantine"));
        assert_eq!(read("v=DMARC1; p=everything", "a.example", true).state, State::Wrong);
        assert!(
            is_dmarc("v = DMARC1 ;p=none") && !is_dmarc("v=DMARC12; p=none") && !is_dmarc("p=none; v=DMARC1")
        );
    }
}
