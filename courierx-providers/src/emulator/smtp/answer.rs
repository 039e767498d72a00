//! What is said, or what happens instead, and the lines in between.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

use super::session::{Gone, Session};
use super::{SmtpAct, SmtpFault, SmtpPhase};

impl Session<'_> {
    /// Answers, unless a fault wants otherwise; whether the answer was positive.
    pub(super) async fn answer(
        &mut self,
        phase: SmtpPhase,
        named: Option<SmtpFault>,
        usual: &str,
    ) -> Result<bool, Gone> {
        let named = named.filter(|fault| fault.phase == phase);
        let Some(fault) = named.or_else(|| self.shared.switched_fault(phase)) else {
            self.say(usual);
            return Ok(true);
        };
        self.act(fault.act, usual).await
    }

    pub(super) async fn act(&mut self, act: SmtpAct, usual: &str) -> Result<bool, Gone> {
        match act {
            SmtpAct::Reply(text) => {
                self.say(&text);
                if text.starts_with("421") { Err(Gone) } else { Ok(text.starts_with(['2', '3'])) }
            }
            SmtpAct::Drop => Err(Gone),
            SmtpAct::Hang => {
                self.flush().await?;
                // What the client still says is not heard, so that its going away is noticed.
                tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await?;
                Err(Gone)
            }
            SmtpAct::Truncated => {
                self.out.extend_from_slice(&usual.as_bytes()[..2]);
                Err(Gone)
            }
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        self.stream.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }

    /// The next line with its end; none if it is longer than that, and then it is skipped.
    pub(super) async fn line(&mut self, most: usize) -> Result<Option<Vec<u8>>, Gone> {
        if !self.stream.buffer().contains(&b'\n') {
            self.flush().await?;
        }
        let mut line = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        (&mut self.stream).take(limit).read_until(b'\n', &mut line).await?;
        if line.ends_with(b"\n") {
            return Ok(Some(line));
        }
        while line.len() >= most {
            line.clear();
            (&mut self.stream).take(limit).read_until(b'\n', &mut line).await?;
            if line.ends_with(b"\n") {
                return Ok(None);
            }
        }
        Err(Gone)
    }
}
