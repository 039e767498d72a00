//! The public suite, over every provider.

/// SMTP, with the emulated mail server as its peer.
mod smtp {
    use std::sync::Arc;

    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Smtp;
    use courierx_providers::emulator::{SmtpEmulator, SmtpFault, SmtpPhase};

    const PASSWORD: &str = "s3cret-password";

    struct Emulated;

    /// What goes wrong for every message.
    fn fault(fate: Fate) -> Option<SmtpFault> {
        let (phase, reply) = match fate {
            Fate::AnswerLost => return Some(SmtpFault::drop(SmtpPhase::Dot)),
            Fate::AnswerTruncated => return Some(SmtpFault::truncated(SmtpPhase::Dot)),
            Fate::PeerSilent => return Some(SmtpFault::hang(SmtpPhase::Greeting)),
            // Positive by its first digit, which is all that counts (RFC 5321 §4.2); no word of it is known.
            Fate::AnswerUnreadable => (SmtpPhase::Dot, "299 ?{\u{fffd}not what you expect"),
            Fate::Throttled => (SmtpPhase::Mail, "421 4.7.0 Too many messages, slow down"),
            Fate::QuotaUsedUp => (SmtpPhase::Mail, "454 Throttling failure: Daily message quota exceeded"),
            Fate::AccountSuspended => (SmtpPhase::Auth, "525 5.7.13 User account disabled"),
            Fate::SenderUnverified => (SmtpPhase::Mail, "550 5.7.1 Sender not authorized"),
            Fate::OutOfOrder => (SmtpPhase::Greeting, "421 4.3.2 Service not available"),
            _ => return None,
        };
        Some(SmtpFault::reply(phase, reply))
    }

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let smtp = |port| {
                let smtp = Smtp::plain("127.0.0.1").port(port).credentials("user", PASSWORD);
                smtp.allow_plain_credentials()
            };
            let password = match fate {
                Fate::PeerUnreachable => return Some(Meeting::new(smtp(1)).secret(PASSWORD)),
                // A mail server has no list of its own to tell of, and nothing in front of it.
                Fate::RecipientSuppressed | Fate::GatewayError => return None,
                Fate::CredentialsRefused => "another password",
                _ => PASSWORD,
            };
            let server = SmtpEmulator::builder().credentials("user", password).start().await.unwrap();
            server.fail(fault(fate));
            let recipient = match fate {
                Fate::RecipientRefused => SmtpFault::reply(SmtpPhase::Rcpt, "550 5.1.1").address(),
                _ => "ada@example.com".to_owned(),
            };
            let meeting = Meeting::new(smtp(server.address().port())).recipient(recipient).secret(PASSWORD);
            let server = Arc::new(server);
            // The suite may let go of everything but the provider: the server lives as long as the test.
            std::mem::forget(Arc::clone(&server));
            let [count, received, raw] = [(); 3].map(|()| Arc::clone(&server));
            let meeting = meeting.taken(move || count.count()).received(move || received.received());
            Some(meeting.raw(move || raw.raw()))
        }
    }

    courierx_core::provider_conformance!(Emulated);

    use courierx_core::provider::{EmailProvider as _, Outcome, RefusalKind, SendOptions};

    /// Beside the suite: what each fate means over SMTP.
    #[tokio::test]
    async fn each_fate_has_its_meaning() {
        for (fate, expected) in [
            (Fate::AnswerUnreadable, Ok(true)),
            (Fate::AnswerLost, Ok(false)),
            (Fate::AnswerTruncated, Ok(false)),
            (Fate::Throttled, Err(RefusalKind::Throttled)),
            (Fate::QuotaUsedUp, Err(RefusalKind::Quota)),
            (Fate::AccountSuspended, Err(RefusalKind::Auth)),
            (Fate::SenderUnverified, Err(RefusalKind::Sender)),
            (Fate::OutOfOrder, Err(RefusalKind::Unavailable)),
        ] {
            let server = SmtpEmulator::builder().credentials("user", PASSWORD).start().await.unwrap();
            server.fail(fault(fate));
            let smtp = Smtp::plain("127.0.0.1").port(server.address().port()).credentials("user", PASSWORD);
            let message = crate::support::mail::to(&["ada@example.com"]);
            let outcome = smtp.allow_plain_credentials().send(&message, &SendOptions::default()).await;
            let found = match &outcome {
                Outcome::Accepted(_) => Ok(true),
                Outcome::Unknown(_) => Ok(false),
                Outcome::Refused(refusal) => Err(refusal.kind),
                Outcome::Mixed(_) => panic!("{outcome:?}"),
            };
            assert_eq!(found, expected, "{fate:?}: {outcome:?}");
        }
    }
}

/// The sandbox, which is its own peer.
mod sandbox {
    use std::sync::Arc;

    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Sandbox;

    struct Magic;

    #[async_trait]
    impl Harness for Magic {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let recipient = match fate {
                Fate::Accepted => "ada@sandbox.test",
                Fate::RecipientRefused => "reject@sandbox.test",
                Fate::AnswerLost => "timeout-after-body@sandbox.test",
                _ => return None,
            };
            let sandbox = Arc::new(Sandbox::new().signing_secret("s3cret"));
            let meeting = Meeting::new(Arc::clone(&sandbox)).recipient(recipient).secret("s3cret");
            Some(meeting.taken(move || sandbox.messages().len()))
        }
    }

    courierx_core::provider_conformance!(Magic);
}
