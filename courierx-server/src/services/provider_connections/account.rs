//! What a client says of an account, by the kind of provider.

use std::mem::take;

use super::check::{Applied, is_line};
use super::host::{base_url, host_name};
use super::input::{ConnectionInput, Given};
use crate::model::provider_connections::{
    Account, MailgunAccount, PostmarkAccount, ProviderKind, Region, ResendAccount, SendGridAccount,
    SesAccount, SmtpTarget, SmtpTls,
};

/// Bytes of what a vendor calls a pool, a stream or a set.
const MAX_LINE: usize = 100;
/// Bytes of the name of one of Amazon's regions.
const MAX_REGION: usize = 40;

impl Applied<'_> {
    /// Takes out of the input what the kind of account has. What is left, it does not have.
    pub(super) fn account(&mut self, input: &mut ConnectionInput, account: &mut Account) {
        match account {
            Account::Smtp { smtp } => self.smtp(input, smtp),
            Account::SendGrid(SendGridAccount { region, ip_pool, base_url }) => {
                self.region(take(&mut input.region), region);
                self.line("ip_pool", take(&mut input.ip_pool), ip_pool);
                self.base_url(take(&mut input.base_url), base_url);
            }
            Account::AwsSes(SesAccount { region, configuration_set, base_url }) => {
                self.aws_region(take(&mut input.region), region);
                let set = self.either(
                    take(&mut input.configuration_set),
                    ("ses_configuration_set", take(&mut input.ses_configuration_set)),
                );
                self.line("configuration_set", set, configuration_set);
                self.base_url(take(&mut input.base_url), base_url);
            }
            Account::Mailgun(MailgunAccount { domain, region, ip_pool, base_url }) => {
                let given = self.either(take(&mut input.domain), ("smtp_host", take(&mut input.smtp_host)));
                self.domain(given, domain);
                self.region(take(&mut input.region), region);
                self.line("ip_pool", take(&mut input.ip_pool), ip_pool);
                self.base_url(take(&mut input.base_url), base_url);
            }
            Account::Postmark(PostmarkAccount { message_stream, base_url }) => {
                self.line("message_stream", take(&mut input.message_stream), message_stream);
                self.base_url(take(&mut input.base_url), base_url);
            }
            Account::Resend(ResendAccount { base_url }) => {
                self.base_url(take(&mut input.base_url), base_url);
            }
            Account::Sandbox {} => {}
        }
        self.left_over(input, account.kind());
    }

    /// Refuses what the kind does not have. What is null or empty says nothing: forms send all their fields.
    fn left_over(&mut self, input: &ConnectionInput, kind: ProviderKind) {
        let texts = [
            ("region", &input.region),
            ("domain", &input.domain),
            ("configuration_set", &input.configuration_set),
            ("ses_configuration_set", &input.ses_configuration_set),
            ("message_stream", &input.message_stream),
            ("ip_pool", &input.ip_pool),
            ("base_url", &input.base_url),
            ("smtp_host", &input.smtp_host),
        ];
        let texts = texts.map(|(field, given)| (field, given.is_text()));
        let port = ("smtp_port", matches!(input.smtp_port, Given::Value(_)));
        let tls = ("tls", input.tls.as_ref().is_some_and(|tls| !tls.is_empty()));
        for (field, _) in texts.into_iter().chain([port, tls]).filter(|(_, given)| *given) {
            self.is_wrong(field, format!("is nothing that {kind} has"));
        }
    }

    /// What stands under one of two names, or the same under both.
    fn either(
        &mut self,
        first: Given<String>,
        (name, second): (&'static str, Given<String>),
    ) -> Given<String> {
        if second.is_text() && first.is_text() && first != second {
            self.is_wrong(name, "says something else than its other name");
        }
        if first.is_text() || !second.is_text() && first != Given::No { first } else { second }
    }

    fn smtp(&mut self, input: &mut ConnectionInput, target: &mut SmtpTarget) {
        let is_new = target.host.is_empty();
        match take(&mut input.smtp_host) {
            Given::Value(host) => match host_name(&host) {
                Ok(host) => target.host = host,
                Err(message) => self.is_wrong("smtp_host", message),
            },
            Given::No | Given::Null if is_new => self.is_wrong("smtp_host", "can't be blank"),
            Given::No | Given::Null => {}
        }
        let port = take(&mut input.smtp_port).or(target.port.map(i64::from));
        target.port = port.and_then(|port| {
            let valid = u16::try_from(port).ok().filter(|port| *port != 0);
            if valid.is_none() {
                self.is_wrong("smtp_port", "must be from 1 to 65535");
            }
            valid
        });
        if is_new && target.port == Some(465) {
            // The port that is registered for it (RFC 8314 §7.3).
            target.tls = SmtpTls::Implicit;
        }
        match input.tls.take().map(|tls| tls.parse()) {
            Some(Ok(tls)) => target.tls = tls,
            Some(Err(error)) => self.is_wrong("tls", error.to_string()),
            None => {}
        }
    }

    fn region(&mut self, given: Given<String>, region: &mut Region) {
        let text = match given {
            Given::No => return,
            Given::Null => String::new(),
            Given::Value(text) => text.trim().to_ascii_lowercase(),
        };
        match text.parse() {
            _ if text.is_empty() => *region = Region::Us,
            Ok(known) => *region = known,
            Err(error) => self.is_wrong("region", error.to_string()),
        }
    }

    /// A region becomes a part of a host's name: nothing may be in it that leads to another host.
    fn aws_region(&mut self, given: Given<String>, region: &mut String) {
        *region = given.or(Some(take(region))).unwrap_or_default().trim().to_ascii_lowercase();
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if region.is_empty() {
            self.is_wrong("region", "can't be blank; one of Amazon's, as eu-west-1");
        } else if region.len() > MAX_REGION || !region.split('-').all(is_part) {
            self.is_wrong("region", "is none of Amazon's; they look like eu-west-1");
        }
    }

    fn domain(&mut self, given: Given<String>, domain: &mut String) {
        match given.or(Some(take(domain))).unwrap_or_default() {
            blank if blank.trim().is_empty() => self.is_wrong("domain", "can't be blank"),
            name => match host_name(&name) {
                Ok(name) if name.parse::<std::net::IpAddr>().is_err() => *domain = name,
                _ => self.is_wrong("domain", "must be the name of a domain"),
            },
        }
    }

    /// A text that goes to the vendor as it is; an empty one goes.
    fn line(&mut self, field: &'static str, given: Given<String>, line: &mut Option<String>) {
        *line = given.or(line.take()).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if line.as_ref().is_some_and(|text| !is_line(text, MAX_LINE)) {
            self.is_wrong(field, format!("must be a line of at most {MAX_LINE} bytes"));
        }
    }

    fn base_url(&mut self, given: Given<String>, url: &mut Option<String>) {
        match given {
            Given::No => {}
            Given::Value(text) if !text.trim().is_empty() => match base_url(&text) {
                Ok(valid) => *url = Some(valid.as_str().to_owned()),
                Err(message) => self.is_wrong("base_url", message),
            },
            Given::Null | Given::Value(_) => *url = None,
        }
    }
}
