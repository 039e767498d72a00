//! How many look-ups an SPF record costs who receives mail: 10 are allowed, and 2 that find nothing (RFC 7208 §4.6.4).

use futures_util::future::BoxFuture;

use super::spf::{Term, is_spf, shortened, terms};
use crate::dns::DnsLookup;
use crate::model::domains::SpfShare;

/// Look-ups that receivers make.
pub const ALLOWED: usize = 10;
/// Look-ups that find nothing, of those.
const ALLOWED_VOIDS: usize = 2;
/// Look-ups that are counted: far enough to tell by how many there are too many.
const COUNTED: usize = 25;
/// Terms of one record that are looked at.
const TERMS: usize = 200;

/// What a record costs.
#[derive(Debug, Default)]
pub(super) struct Cost {
    pub(super) lookups: usize,
    pub(super) voids: usize,
    pub(super) shares: Vec<SpfShare>,
    /// Every domain whose record is a part of it.
    pub(super) included: Vec<String>,
    /// What makes receivers refuse the record.
    pub(super) problem: Option<String>,
    /// Whether DNS did not tell everything.
    pub(super) unknown: bool,
}

impl Cost {
    /// Looks a record up as receivers do, except that nothing matches, so everything is looked at.
    pub(super) async fn of(dns: &dyn DnsLookup, domain: &str, record: &str) -> Self {
        let mut cost = Self::default();
        cost.record(dns, domain, record, &mut vec![domain.to_owned()]).await;
        if cost.problem.is_none() && cost.lookups > ALLOWED {
            let more = if cost.lookups >= COUNTED { " or more" } else { "" };
            cost.problem =
                Some(format!("it needs {}{more} DNS look-ups; {ALLOWED} are allowed", cost.lookups));
        }
        if cost.problem.is_none() && cost.voids > ALLOWED_VOIDS {
            let text = format!("{} of its look-ups find nothing; {ALLOWED_VOIDS} may", cost.voids);
            cost.problem = Some(text);
        }
        cost
    }

    fn record<'a>(
        &'a mut self,
        dns: &'a dyn DnsLookup,
        domain: &'a str,
        record: &'a str,
        path: &'a mut Vec<String>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let terms = match terms(record) {
                Ok(terms) => terms,
                Err(problem) => return self.is_wrong(domain, &problem),
            };
            let ends = terms.iter().any(|(_, term)| *term == Term::All);
            for (text, term) in terms.into_iter().take(TERMS) {
                if self.lookups >= COUNTED {
                    return;
                }
                // Nobody comes to what stands behind `all`, nor to another record.
                match term {
                    Term::All => return,
                    Term::Redirect(_) if ends => continue,
                    _ => {}
                }
                let before = self.lookups;
                self.term(dns, domain, term, path).await;
                if path.len() == 1 && self.lookups > before {
                    self.shares.push(SpfShare { term: shortened(text), lookups: self.lookups - before });
                }
            }
        })
    }

    async fn term(&mut self, dns: &dyn DnsLookup, domain: &str, term: Term<'_>, path: &mut Vec<String>) {
        let target = match term {
            Term::All | Term::Free => return,
            Term::Include(target) | Term::Redirect(target) | Term::Exists(target) => target,
            Term::A(target) | Term::Mx(target) => target.unwrap_or(domain),
            Term::Ptr => domain,
        };
        self.lookups += 1;
        // Where a macro leads depends on the message.
        if target.contains('%') || term == Term::Ptr {
            return;
        }
        let target = target.strip_suffix('.').unwrap_or(target).to_ascii_lowercase();
        let found = match term {
            Term::Include(_) | Term::Redirect(_) => return self.follow(dns, target, path).await,
            Term::Mx(_) => dns.mx(&target).await.map(|servers| !servers.is_empty()),
            _ => dns.has_address(&target).await,
        };
        match found {
            Ok(true) => {}
            Ok(false) => self.voids += 1,
            Err(_) => self.unknown = true,
        }
    }

    /// Goes on with the record of another domain.
    async fn follow(&mut self, dns: &dyn DnsLookup, domain: String, path: &mut Vec<String>) {
        if path.contains(&domain) {
            return self.is_wrong(&domain, "it includes itself");
        }
        let Ok(texts) = dns.txt(&domain).await else {
            self.unknown = true;
            return;
        };
        if texts.is_empty() {
            self.voids += 1;
        }
        let records: Vec<_> = texts.iter().filter(|text| is_spf(text)).collect();
        match &records[..] {
            [record] => {
                if !self.included.contains(&domain) {
                    self.included.push(domain.clone());
                }
                path.push(domain.clone());
                self.record(dns, &domain, record, path).await;
                path.pop();
            }
            [] => self.is_wrong(&domain, "it is included, and has no SPF record"),
            _ => self.is_wrong(&domain, "it is included, and has several SPF records"),
        }
    }

    /// The first thing that is wrong is told: receivers end there.
    fn is_wrong(&mut self, domain: &str, problem: &str) {
        self.problem.get_or_insert_with(|| format!("{}: {problem}", shortened(domain)));
    }
}
