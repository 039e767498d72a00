//! The public suite, over every provider.

/// SMTP, with a scripted server as its peer.
mod smtp {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Smtp;

    use crate::support::server::{Act, Script, say};
    use crate::support::smtp;

    struct Scripted;

    #[async_trait]
    impl Harness for Scripted {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let script = Script::default().offering("AUTH PLAIN LOGIN").offering("PIPELINING");
            let script = match fate {
                Fate::Accepted => script,
                Fate::RecipientRefused => script.on("RCPT TO:<nobody@", say("550 5.1.1 no such user")),
                Fate::AnswerLost => script.on("ANSWER", Act::Close),
                Fate::PeerSilent => script.on("GREETING", Act::Hang),
                Fate::CredentialsRefused => script.on("AUTH", say("535 5.7.8 not s3cret-password")),
                Fate::PeerUnreachable => {
                    let nobody = Smtp::plain("127.0.0.1").port(1).credentials("user", "s3cret-password");
                    return Some(Meeting::new(nobody.allow_plain_credentials()).secret("s3cret-password"));
                }
                _ => return None,
            };
            let server = script.start().await;
            let smtp = smtp(&server).credentials("user", "s3cret-password").allow_plain_credentials();
            let recipient =
                if fate == Fate::RecipientRefused { "nobody@example.com" } else { "ada@example.com" };
            let meeting = Meeting::new(smtp).recipient(recipient).secret("s3cret-password");
            Some(meeting.taken(move || server.seen().messages.len()))
        }
    }

    courierx_core::provider_conformance!(Scripted);
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
