//! Replies, as servers give them (RFC 5321 §4.2), with their enhanced status codes (RFC 3463).

use std::fmt;

pub(super) use courierx_core::provider::EnhancedCode;

/// A complete reply: its code, its enhanced code, its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) enhanced: Option<EnhancedCode>,
    /// The lines without their codes.
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) fn new(code: u16, mut lines: Vec<String>) -> Self {
        // RFC 2034 §4: both must agree on the class. If they do not, the reply code counts.
        let agrees = |found: &EnhancedCode| u16::from(found.class) == code / 100;
        let leading = lines.iter().find_map(|line| EnhancedCode::leading(line));
        let enhanced = leading.or_else(|| lines.iter().find_map(|line| EnhancedCode::trailing(line)));
        let enhanced = enhanced.filter(agrees);
        if enhanced.is_some() {
            for line in &mut lines {
                if EnhancedCode::leading(line) == enhanced {
                    let rest = line.split_once(' ').map_or("", |(_, rest)| rest).trim_start();
                    let stripped = line.len() - rest.len();
                    line.drain(..stripped);
                }
            }
        }
        Self { code, enhanced, lines }
    }

    pub(super) fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    pub(super) fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// What it says, on one line.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// The queue identifier in the answer to a message, in the forms that are in wide use. SMTP defines none,
    /// so it is read only where the form leaves no doubt.
    pub(super) fn queue_id(&self) -> Option<String> {
        let text = self.text();
        // Postfix, SendGrid, Mailjet: `Ok: queued as 4Xk2nB1z`. Exim: `OK id=1tLr0e-000000001Cw-2xQk`.
        let marked = ["queued as ", "id="].iter().find_map(|mark| {
            let start = text.find(mark)? + mark.len();
            text[start..].split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '>' | ')')).next()
        });
        // Sendmail: `5AB3x1 Message accepted for delivery`. Amazon SES: `Ok 0100018e…`.
        let words: Vec<_> = text.split_whitespace().collect();
        let placed = match words[..] {
            [id, "Message", "accepted", ..] => Some(id),
            [ok, id] if ok.eq_ignore_ascii_case("ok") => Some(id),
            _ => None,
        };
        let id = marked.or(placed)?.trim_matches(['<', '>', '.', '"']);
        let plausible = (6..=200).contains(&id.len())
            && id.bytes().any(|byte| byte.is_ascii_digit())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        plausible.then(|| id.to_owned())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enhanced {
            Some(enhanced) => write!(f, "{} {enhanced} {}", self.code, self.text()),
            None => write!(f, "{} {}", self.code, self.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply::new(code, text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn enhanced_codes_count_only_if_the_class_agrees() {
        let code = EnhancedCode { class: 5, subject: 1, detail: 10 };
        assert_eq!(reply(550, "5.1.10 no such user").enhanced, Some(code));
        assert_eq!(reply(450, "5.1.10 no such user").enhanced, None);
        for other in ["no code", "5.1", "5.1.1.1 x", "5.1000.1 x", "3.1.1 x", "10.0.0.1 is blocked"] {
            assert_eq!(reply(550, other).enhanced, None, "{other}");
        }
    }

    #[test]
    fn a_code_may_stand_behind_the_text() {
        let code = |text: &str| reply(553, text).enhanced.map(|code| code.to_string());
        assert_eq!(code("sorry, no relaying (#5.7.1)").as_deref(), Some("5.7.1"));
        assert_eq!(code("sorry, no such mailbox (#5.1.1 - chkuser)").as_deref(), Some("5.1.1"));
        for other in ["sorry (#4.7.1)", "sorry (#5.7)", "sorry #5.7.1", "(#5.7.1) sorry", "sorry (5.7.1)"] {
            assert_eq!(code(other), None, "{other}");
        }
        assert_eq!(reply(553, "5.1.8 sorry (#5.7.1)").to_string(), "553 5.1.8 sorry (#5.7.1)");
    }

    #[test]
    fn several_lines_are_one_text() {
        let reply = reply(550, "5.7.25 The IP address\n5.7.25 has no PTR record");
        assert_eq!(reply.to_string(), "550 5.7.25 The IP address has no PTR record");
    }

    #[test]
    fn queue_ids_are_read_where_their_form_leaves_no_doubt() {
        let id = |text: &str| reply(250, text).queue_id();
        assert_eq!(id("2.0.0 Ok: queued as 4Xk2nB1zQk").as_deref(), Some("4Xk2nB1zQk"));
        assert_eq!(id("Ok 0100018e-example-000000").as_deref(), Some("0100018e-example-000000"));
        assert_eq!(id("OK id=1tLr0e-000000001Cw-2xQk").as_deref(), Some("1tLr0e-000000001Cw-2xQk"));
        assert_eq!(
            id("2.0.0 5AB3x1c8001234 Message accepted for delivery").as_deref(),
            Some("5AB3x1c8001234")
        );
        for none in ["OK", "2.0.0 Ok", "Ok accepted", "Great success", "queued as ", "queued as <>"] {
            assert_eq!(id(none), None, "{none}");
        }
    }
}
