//! AUTH (RFC 4954), by PLAIN (RFC 4616) and LOGIN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SmtpPhase;
use super::session::{Gone, Session};

/// Bytes of a line in an exchange (RFC 4954 §4).
const LONGEST_LINE: usize = 12_288;

impl Session<'_> {
    pub(super) async fn log_in(&mut self, rest: &str) -> Result<(), Gone> {
        if self.shared.rules.credentials.is_none() {
            self.say("502 5.5.1 Nobody needs to log in here");
            return Ok(());
        }
        if self.logged_in || self.transaction.is_some() {
            self.say("503 5.5.1 Not now");
            return Ok(());
        }
        let (mechanism, initial) =
            rest.split_once(' ').map_or((rest, None), |(name, initial)| (name, Some(initial)));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => {
                self.say("504 5.5.4 Mechanism not known here");
                return Ok(());
            }
        };
        let Some(given) = given else {
            self.say("501 5.5.2 The exchange was broken off or is not base64");
            return Ok(());
        };
        if self.shared.rules.credentials.as_ref() == Some(&given) {
            self.logged_in = self.answer(SmtpPhase::Auth, None, "235 2.7.0 Welcome").await?;
        } else {
            self.say("535 5.7.8 Authentication credentials invalid");
        }
        Ok(())
    }

    /// User and password; none if they cannot be read.
    async fn plain(&mut self, initial: Option<&str>) -> Result<Option<(String, String)>, Gone> {
        let message = match initial {
            Some(initial) => decoded(initial),
            None => self.ask("").await?,
        };
        Ok(message.and_then(|message| {
            let (identity, rest) = message.split_once('\0')?;
            let (user, password) = rest.split_once('\0')?;
            // Acting as somebody else is not allowed to anybody.
            (identity.is_empty() || identity == user).then(|| (user.to_owned(), password.to_owned()))
        }))
    }

    async fn login(&mut self, initial: Option<&str>) -> Result<Option<(String, String)>, Gone> {
        let user = match initial {
            Some(initial) => decoded(initial),
            None => self.ask("Username:").await?,
        };
        let Some(user) = user else { return Ok(None) };
        Ok(self.ask("Password:").await?.map(|password| (user, password)))
    }

    /// Asks, and reads what is answered.
    async fn ask(&mut self, question: &str) -> Result<Option<String>, Gone> {
        self.say(&format!("334 {}", STANDARD.encode(question)));
        let line = self.line(LONGEST_LINE).await?;
        let line = line.and_then(|line| String::from_utf8(line).ok());
        Ok(line.as_deref().and_then(|line| line.strip_suffix("\r\n")).and_then(decoded))
    }
}

fn decoded(text: &str) -> Option<String> {
    // An empty initial response is written as one sign (RFC 4954 §4).
    let text = if text == "=" { "" } else { text };
    STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}
