//! The commands of a transaction up to DATA, sent together where the server can take that (RFC 2920).

use courierx_core::message::Address;

use super::session::Features;

/// Commands that are sent before the first of them is answered. It keeps them, and their answers, far below
/// what the buffers of both sides hold (RFC 2920 §3.1).
const MOST_AT_ONCE: usize = 50;

/// What one command asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Forgets what an earlier transaction left.
    Reset,
    Mail,
    /// The recipient at this position.
    Rcpt(usize),
    Data,
}

impl Question {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reset => "RSET",
            Self::Mail => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
        }
    }
}

/// Commands as they are written, and what each asks.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    text: String,
    /// Each question, and where its command ends in the text.
    questions: Vec<(Question, usize)>,
    most_at_once: usize,
}

impl Envelope {
    pub(super) fn new(features: &Features) -> Self {
        Self { most_at_once: if features.pipelining { MOST_AT_ONCE } else { 1 }, ..Self::default() }
    }

    /// Adds a command of these parts.
    fn command<'a>(&mut self, question: Question, parts: impl IntoIterator<Item = &'a str>) {
        self.text.extend(parts);
        self.text.push_str("\r\n");
        self.questions.push((question, self.text.len()));
    }

    pub(super) fn reset(&mut self) {
        self.command(Question::Reset, ["RSET"]);
    }

    pub(super) fn mail(&mut self, from: &Address, size: Option<usize>, utf8: bool, eight_bit: bool) {
        let size = size.map_or_else(String::new, |size| format!(" SIZE={size}"));
        let utf8 = if utf8 { " SMTPUTF8" } else { "" };
        // Whoever offers SMTPUTF8 offers 8BITMIME (RFC 6531 §3.1).
        let body = if eight_bit { " BODY=8BITMIME" } else { "" };
        self.command(Question::Mail, ["MAIL FROM:<", from.as_str(), ">", &size, utf8, body]);
    }

    pub(super) fn rcpt(&mut self, at: usize, to: &Address) {
        self.command(Question::Rcpt(at), ["RCPT TO:<", to.as_str(), ">"]);
    }

    /// The last command: what follows it depends on the answer (RFC 2920 §3.1).
    pub(super) fn data(&mut self) {
        self.command(Question::Data, ["DATA"]);
    }

    /// The whole text, if the server takes it at once.
    pub(super) fn at_once(&self) -> Option<&str> {
        (self.questions.len() <= self.most_at_once).then_some(self.text.as_str())
    }

    /// The questions that are asked together, and their commands.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&str, &[(Question, usize)])> {
        let mut start = 0;
        self.questions.chunks(self.most_at_once).map(move |group| {
            let end = group.last().map_or(start, |&(_, end)| end);
            let text = &self.text[start..end];
            start = end;
            (text, group)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(pipelining: bool, recipients: usize) -> Envelope {
        let mut envelope = Envelope::new(&Features { pipelining, ..Features::default() });
        let address: Address = "ada@example.com".parse().unwrap();
        envelope.mail(&address, Some(7), true, true);
        (0..recipients).for_each(|at| envelope.rcpt(at, &address));
        envelope.data();
        envelope
    }

    #[test]
    fn everything_is_asked_at_once_or_one_by_one() {
        let together = envelope(true, 1);
        let text = "MAIL FROM:<ada@example.com> SIZE=7 SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n";
        assert_eq!(together.at_once(), Some(text));
        assert_eq!(
            together.groups().map(|(text, group)| (text, group.len())).collect::<Vec<_>>(),
            [(text, 3)]
        );
        let apart = envelope(false, 1);
        assert_eq!(apart.at_once(), None);
        assert_eq!(apart.groups().map(|(text, _)| text).collect::<String>(), text);
        assert_eq!(apart.groups().count(), 3);
    }

    #[test]
    fn many_recipients_are_asked_in_groups() {
        let many = envelope(true, 100);
        assert_eq!(many.at_once(), None);
        assert_eq!(many.groups().map(|(_, group)| group.len()).collect::<Vec<_>>(), [50, 50, 2]);
    }
}
