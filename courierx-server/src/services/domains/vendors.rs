//! What each vendor needs of a domain.

use std::net::IpAddr;

use courierx_core::id::RecordId;

use super::records::{Expected, Needs, Purpose, Wanted};
use crate::model::domains::{Domain, RecordKind};
use crate::model::provider_connections::{
    Account, MailgunAccount, ProviderConnection, ProviderKind, Region, SesAccount, SmtpTarget,
};

/// What one connection wants.
pub(super) fn of_one(domain: &Domain, id: RecordId, connection: &ProviderConnection) -> Needs {
    let mut list = List { domain, id, kind: connection.kind(), needs: Needs::default() };
    match &connection.account {
        Account::Sandbox {} => {}
        Account::Smtp { smtp } => list.smtp(smtp),
        Account::SendGrid(_) => list.sendgrid(),
        Account::AwsSes(account) => list.ses(account),
        Account::Mailgun(account) => list.mailgun(account),
        Account::Postmark(_) => list.postmark(),
        Account::Resend(_) => list.resend(),
    }
    list.needs
}

/// The selectors of the connection's keys: those that the tenant named, or what the vendor always has.
fn selectors(domain: &Domain, id: RecordId, kind: ProviderKind) -> Vec<String> {
    let named = domain.dkim_selectors.get(&id).filter(|named| !named.is_empty());
    let usual: &[&str] = match kind {
        ProviderKind::SendGrid => &["s1", "s2"],
        ProviderKind::Resend => &["resend"],
        _ => &[],
    };
    match named {
        Some(named) => named.clone(),
        None if usual.is_empty() => domain.dkim_selector.iter().cloned().collect(),
        None => usual.iter().map(|one| (*one).to_owned()).collect(),
    }
}

struct List<'a> {
    domain: &'a Domain,
    id: RecordId,
    kind: ProviderKind,
    needs: Needs,
}

impl List<'_> {
    fn add(
        &mut self,
        kind: RecordKind,
        name: Option<String>,
        value: Option<&str>,
        purpose: Purpose,
        expected: Expected,
        note: Option<&'static str>,
    ) {
        let required = matches!(purpose, Purpose::Dkim | Purpose::Spf | Purpose::ReturnPath);
        self.needs.records.push(Wanted {
            kind,
            name,
            value: value.map(str::to_owned),
            purpose,
            required,
            connections: vec![self.id],
            note,
            expected,
        });
    }

    fn optional(&mut self) {
        if let Some(record) = self.needs.records.last_mut() {
            record.required = false;
        }
    }

    /// The keys below this domain, whose values only the vendor knows.
    fn keys(&mut self, kind: RecordKind, below: &str, note: &'static str) {
        let selectors = selectors(self.domain, self.id, self.kind);
        if selectors.is_empty() {
            self.add(kind, None, None, Purpose::Dkim, Expected::Nothing, Some(note));
        }
        for selector in selectors {
            let name = format!("{selector}._domainkey.{below}");
            self.add(kind, Some(name), None, Purpose::Dkim, Expected::DkimKey, Some(note));
        }
    }

    /// A mail server: what it signs and where it sends from is between it and the tenant.
    fn smtp(&mut self, target: &SmtpTarget) {
        let domain = self.domain.domain.clone();
        let host = target.host.trim_matches(['[', ']']);
        let known = KNOWN_RELAYS.iter().find(|(relay, _)| {
            host == *relay || host.strip_suffix(relay).is_some_and(|rest| rest.ends_with('.'))
        });
        let term = match (known, host.parse::<IpAddr>()) {
            (Some((_, term)), _) => term.map(str::to_owned),
            (None, Ok(IpAddr::V4(address))) => Some(format!("ip4:{address}")),
            (None, Ok(IpAddr::V6(address))) => Some(format!("ip6:{address}")),
            (None, Err(_)) => Some(format!("a:{host}")),
        };
        self.needs.spf.extend(term);
        self.keys(
            RecordKind::Txt,
            &domain,
            "Whoever runs the mail server tells whether it signs, and by which selector; name it as dkim_selector.",
        );
        self.optional();
    }

    fn sendgrid(&mut self) {
        let domain = self.domain.domain.clone();
        let note = "SendGrid makes the value for each account: Settings, Sender Authentication, or POST \
                    /v3/whitelabel/domains.";
        self.keys(RecordKind::Cname, &domain, note);
        let note = "SendGrid makes the name and the value for each account, with those of its keys. SPF stands there, \
                    so the domain itself needs no term for SendGrid.";
        self.add(RecordKind::Cname, None, None, Purpose::ReturnPath, Expected::Nothing, Some(note));
    }

    fn ses(&mut self, account: &SesAccount) {
        let domain = self.domain.domain.clone();
        let note = "Amazon SES makes three tokens for each domain: {token}._domainkey leads to {token}.dkim.amazonses.com. \
                    Its console or GetEmailIdentity tells them; name them as dkim_selectors of the connection.";
        self.keys(RecordKind::Cname, &domain, note);
        let server = format!("10 feedback-smtp.{}.amazonses.com", account.region);
        let note = "Only for a MAIL FROM domain of your own, a subdomain of your choice, which also needs TXT \
                    \"v=spf1 include:amazonses.com ~all\". Without one the domain needs no SPF term for SES.";
        self.add(RecordKind::Mx, None, Some(&server), Purpose::ReturnPath, Expected::Nothing, Some(note));
        self.optional();
    }

    fn mailgun(&mut self, account: &MailgunAccount) {
        let MailgunAccount { domain: below, region, .. } = account;
        let term = "include:mailgun.org";
        if *below == self.domain.domain {
            self.needs.spf.push(term.to_owned());
        } else {
            let (name, value) = (Some(below.clone()), Some("v=spf1 include:mailgun.org ~all"));
            let note =
                "At the connection's sending domain, which bounces go to; keep what its record has already.";
            self.add(RecordKind::Txt, name, value, Purpose::Spf, Expected::SpfTerms(vec![term]), Some(note));
        }
        let note = "Mailgun chooses the selector and the key for each domain: Sending, Domains, DNS records, or GET \
                    /v4/domains/{domain}; name the selector in dkim_selectors.";
        self.keys(RecordKind::Txt, below, note);
        let host = match region {
            Region::Us => "mailgun.org",
            Region::Eu => "eu.mailgun.org",
        };
        let (name, note) = (Some(format!("email.{below}")), "Only where Mailgun tracks opens or clicks.");
        self.add(RecordKind::Cname, name, Some(host), Purpose::Tracking, Expected::Target(host), Some(note));
    }

    fn postmark(&mut self) {
        let domain = self.domain.domain.clone();
        let note = "Postmark chooses the selector and the key for each domain: Sender Signatures, DNS settings, or GET \
                    /domains/{id} (DKIMPendingHost); name the selector in dkim_selectors.";
        self.keys(RecordKind::Txt, &domain, note);
        let host = "pm.mtasv.net";
        let note = "Postmark's usual name for it; another one can be chosen there. SPF stands there, so the domain \
                    itself needs no term for Postmark.";
        let name = Some(format!("pm-bounces.{domain}"));
        self.add(
            RecordKind::Cname,
            name,
            Some(host),
            Purpose::ReturnPath,
            Expected::Target(host),
            Some(note),
        );
        self.optional();
    }

    fn resend(&mut self) {
        let domain = self.domain.domain.clone();
        self.keys(
            RecordKind::Txt,
            &domain,
            "Resend makes the key for each domain: Domains, Records, or GET /domains/{id}.",
        );
        let (send, term) = (format!("send.{domain}"), "include:amazonses.com");
        let note = "Resend tells the region: 10 feedback-smtp.{region}.amazonses.com. `send` is its usual name for it.";
        let server = Expected::ServerOf("amazonses.com");
        self.add(RecordKind::Mx, Some(send.clone()), None, Purpose::ReturnPath, server, Some(note));
        let (value, expected) = (Some("v=spf1 include:amazonses.com ~all"), Expected::SpfTerms(vec![term]));
        let note = "SPF stands here, so the domain itself needs no term for Resend.";
        self.add(RecordKind::Txt, Some(send), value, Purpose::Spf, expected, Some(note));
    }
}

/// Relays that are known, and the SPF term that their customers need; none where bounces go to a domain of theirs.
const KNOWN_RELAYS: [(&str, Option<&str>); 8] = [
    ("gmail.com", Some("include:_spf.google.com")),
    ("office365.com", Some("include:spf.protection.outlook.com")),
    ("sendgrid.net", None),
    ("amazonaws.com", None),
    ("mailgun.org", Some("include:mailgun.org")),
    ("postmarkapp.com", None),
    ("resend.com", None),
    ("localhost", None),
];
