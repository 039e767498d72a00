//! What becomes of messages, and which way they take.

use courierx::{DuplicatePolicy, Lane, RecipientStatus, RefusalKind, SendError, Timestamp};

use super::super::log::{Answer, HandOver};
use super::super::world::name;
use super::Look;

impl Look<'_> {
    /// 1: what is taken more often than once is told of as unknown, and under `never` it is not; nothing is handed
    /// over again after it was accepted.
    pub(super) fn no_duplicates(&self, wrong: &mut Vec<String>) {
        for (number, mail) in self.scenario.mails.iter().enumerate() {
            for recipient in 0..mail.recipients {
                let all: Vec<_> = self.of_mail(number).filter(|one| one.has(recipient)).collect();
                let taken =
                    |one: &&&HandOver| one.recipients.iter().any(|(of, _, taken)| *of == recipient && *taken);
                let taken = all.iter().filter(taken).count();
                let unknown = all.iter().filter(|one| one.answer(recipient) == Some(Answer::Unknown)).count();
                if taken > 1 + unknown || taken > 1 && mail.policy == Some(DuplicatePolicy::Never) {
                    wrong.push(format!("{number}.{recipient} was taken {taken} times, {unknown} unknown"));
                }
                let accepted = all.iter().filter(|one| one.answer(recipient) == Some(Answer::Accepted));
                let first = accepted.filter_map(|one| one.until).min();
                if let Some(first) = first
                    && all.iter().any(|one| one.at > first)
                {
                    wrong.push(format!("{number}.{recipient} was handed over again after it was accepted"));
                }
            }
        }
    }

    /// Whether a quota lets through in the three days of a schedule less than there is to send. What may have been sent
    /// already does not wait for longer than that.
    fn is_mail_for_days(&self) -> bool {
        let recipients: usize = self.scenario.mails.iter().map(|mail| mail.recipients as usize).sum();
        let quotas = self.scenario.lines.iter().filter_map(|line| line.quota);
        quotas.into_iter().any(|(_, cap)| cap * 3 < recipients as u64)
    }

    /// 2 and 7: everything has an end, and whatever can be delivered is.
    pub(super) fn all_is_delivered(&self, wrong: &mut Vec<String>) {
        for (number, message) in &self.seen.stored {
            for recipient in &message.record.recipients {
                let index = recipient.index;
                let said =
                    |answer: Answer| self.of_mail(*number).any(|one| one.answer(index) == Some(answer));
                let accepted = said(Answer::Accepted);
                let mail = self.mail(*number);
                let hurries = mail
                    .is_some_and(|mail| mail.quick || mail.deadline.is_some() || mail.lane == Lane::Critical);
                let never = mail.is_some_and(|mail| mail.policy == Some(DuplicatePolicy::Never));
                let refused = said(Answer::Refused(RefusalKind::Recipient))
                    || said(Answer::Refused(RefusalKind::Content));
                let right = match recipient.status {
                    RecipientStatus::Sent => accepted,
                    RecipientStatus::Failed => !accepted && (refused || hurries && !said(Answer::Unknown)),
                    RecipientStatus::Unknown => {
                        let over = never || hurries || refused || self.is_mail_for_days();
                        !accepted && said(Answer::Unknown) && over
                    }
                    _ => false,
                };
                // Who died may have heard that it was accepted, and not written it down.
                let is_unknown = recipient.status == RecipientStatus::Unknown;
                let lost = accepted && is_unknown && !self.scenario.crashes.is_empty();
                if !right && !lost {
                    wrong.push(format!("{number}.{index} is {:?}: {message:?}", recipient.status));
                }
            }
        }
        for (number, heard) in &self.seen.heard {
            let recipients = self.mail(*number).map_or(1, |mail| mail.recipients);
            let is_accepted =
                |recipient| self.of_mail(*number).any(|one| one.answer(recipient) == Some(Answer::Accepted));
            let is_unknown =
                |recipient| self.of_mail(*number).any(|one| one.answer(recipient) == Some(Answer::Unknown));
            let all = (0..recipients).all(is_accepted);
            let may = (0..recipients).any(|one| is_accepted(one) || is_unknown(one));
            if heard.is_ok() != all
                || heard.as_ref().is_err_and(|error| SendError::may_have_been_sent(error) != may)
            {
                wrong.push(format!("{number} was sent directly and heard {heard:?}"));
            }
        }
    }

    /// 9: who is there for failures alone gets nothing while another can take it; who is drained, nothing new.
    pub(super) fn who_stands_aside(&self, wrong: &mut Vec<String>) {
        let lines = &self.scenario.lines;
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.draining) {
            if self.of_line(number).next().is_some() {
                wrong.push(format!("{} is drained and was given something: {line:?}", name(number)));
            }
        }
        if self.scenario.strategy.is_none() {
            return;
        }
        for (number, message) in &self.seen.stored {
            for attempt in &message.attempts {
                let at =
                    lines.iter().enumerate().position(|(one, _)| name(one) == attempt.connection.as_str());
                let repeats = self.is_repeat(*number, attempt.connection.as_str(), attempt.started_at);
                if repeats || !at.is_some_and(|at| lines[at].failover_only) {
                    continue;
                }
                let is_passed_over =
                    |other: usize| attempt.skipped.iter().any(|one| one.connection.as_str() == name(other));
                let others = (0..lines.len()).filter(|other| !lines[*other].failover_only);
                for other in others.filter(|other| !is_passed_over(*other)) {
                    wrong.push(format!(
                        "{number} went to {} though {} was there",
                        attempt.connection,
                        name(other)
                    ));
                }
            }
        }
    }

    fn is_repeat(&self, mail: usize, connection: &str, at: Timestamp) -> bool {
        self.of_mail(mail).any(|one| {
            name(one.line) == connection
                && one.at < at
                && one.recipients.iter().any(|(_, answer, _)| *answer == Answer::Unknown)
        })
    }
}
