//! SMTP and MIME before judges that are not ours: Postfix' smtp-sink, aiosmtpd, and Python's email parser.

use std::sync::Arc;

use courierx_core::message::Attachment;
use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::{Smtp, mime};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::support::mail_server::MailServer;
use crate::support::{mail, refused, send, tools};

const LOGO: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff not really\n.\n";

/// A message with something of everything.
fn everything() -> Outgoing {
    let text = format!("Grüße,\n.\n..dots\nFrom here on: {}\n", "a long line ".repeat(120));
    mail::outgoing(
        mail::draft()
            .from("Zoë, the Sender <zoe@example.com>")
            .to("Ada Lovelace <ada@example.com>")
            .to("Zażółć Gęślą-Jaźń <bob@example.com>")
            .cc("Team <team@example.com>")
            .bcc("hidden@example.com")
            .reply_to("answers@example.com")
            .subject(
                "Ünïcödé 🎉 in a subject that is long enough to need more than a single encoded word of it",
            )
            .text(text)
            .html("<p>Grüße <img src=\"cid:logo@example.com\"></p>")
            .header("X-Ünused".replace('Ü', "U").as_str(), "日本語 and ASCII")
            .header("List-Unsubscribe", format!("<https://example.com/u/{}>", "x".repeat(300)).as_str())
            .attach(Attachment::inline("logo@example.com", "logo.png", "image/png", LOGO))
            .attach(Attachment::new(
                "Übersicht – 2024 \"final\".pdf",
                "application/pdf",
                b"%PDF-1.7".to_vec(),
            ))
            .attach(Attachment::new(
                "original.eml",
                "message/rfc822",
                b"Subject: inner\r\n\r\nInner.\r\n".to_vec(),
            ))
            .attach(Attachment::new("empty.txt", "text/plain; charset=utf-8", Vec::new())),
    )
}

#[tokio::test]
async fn another_parser_reads_what_was_meant() {
    let mut server = MailServer::start("starttls").await;
    let smtp = server.introduce(Smtp::starttls("127.0.0.1"));
    let message = everything();
    let outcome = send(&smtp, &message).await;
    let Outcome::Accepted(acceptance) = &outcome else { panic!("{outcome:?}") };
    assert_eq!(acceptance.provider_message_id(), Some("PY000001"));

    let report = server.report().await;
    assert!(report.encrypted);
    assert_eq!(report.mail_from, "zoe@example.com");
    assert_eq!(
        report.rcpt_tos,
        ["ada@example.com", "bob@example.com", "team@example.com", "hidden@example.com"]
    );
    assert_eq!(report.raw(), mime::render(&message), "the very bytes, dots included");
    assert_eq!(report.defects, [""; 0]);

    assert_eq!(report.header("Subject"), Some(message.subject().as_str()));
    assert_eq!(report.header("From"), Some("\"Zoë, the Sender\" <zoe@example.com>"));
    let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
    let to = [pair("Ada Lovelace", "ada@example.com"), pair("Zażółć Gęślą-Jaźń", "bob@example.com")];
    assert_eq!(report.to, to);
    assert_eq!(report.header("Cc"), Some("Team <team@example.com>"));
    assert_eq!(report.header("Reply-To"), Some("answers@example.com"));
    assert_eq!(report.header("Date"), Some("Tue, 14 Nov 2023 22:13:20 +0000"));
    assert_eq!(report.header("Message-ID"), Some(message.header_message_id()));
    assert_eq!(report.header(mime::DELIVERY_HEADER), Some(message.delivery_id().to_string().as_str()));
    assert_eq!(report.header("X-Unused"), Some("日本語 and ASCII"));
    assert_eq!(report.header("List-Unsubscribe").map(str::len), Some(324));

    let text = message.text().map(|text| text.replace('\n', "\r\n"));
    assert_eq!(report.text, text, "with the line ends of mail");
    assert_eq!(report.html.as_deref().map(str::trim_end), message.html());
    let logo = report.part("logo.png");
    assert_eq!((logo.kind.as_str(), logo.disposition.as_deref()), ("image/png", Some("inline")));
    assert_eq!(logo.content_id.as_deref(), Some("<logo@example.com>"));
    assert_eq!(logo.bytes(), LOGO);
    let pdf = report.part("Übersicht – 2024 \"final\".pdf");
    assert_eq!((pdf.kind.as_str(), pdf.disposition.as_deref()), ("application/pdf", Some("attachment")));
    assert_eq!(pdf.bytes(), b"%PDF-1.7");
    assert_eq!(report.part("empty.txt").bytes(), b"");
    let structure = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
        "message/rfc822",
        "text/plain",
        "text/plain",
    ];
    assert_eq!(report.structure, structure);
    assert!(!String::from_utf8_lossy(&report.raw()).contains("hidden"), "bcc is in the envelope alone");
}

#[tokio::test]
async fn a_message_of_one_part_is_not_wrapped() {
    let mut server = MailServer::start("implicit").await;
    let smtp = server.introduce(Smtp::implicit_tls("127.0.0.1"));
    let email =
        courierx_core::message::Email::builder().from("a@example.com").subject("").bcc("b@example.com");
    let message = mail::outgoing(email.text("Hello."));
    assert!(send(&smtp, &message).await.is_accepted());
    let report = server.report().await;
    assert!(report.encrypted);
    assert_eq!(report.structure, ["text/plain"]);
    assert_eq!(report.text.as_deref().map(str::trim_end), Some("Hello."));
    assert_eq!(report.header("To"), Some("undisclosed-recipients:;"));
    assert_eq!(report.rcpt_tos, ["b@example.com"]);
}

#[tokio::test]
async fn a_further_connection_resumes_the_tls_session() {
    let mut server = MailServer::start("starttls").await;
    let smtp = server.introduce(Smtp::starttls("127.0.0.1"));
    // It keeps no connection.
    smtp.verify(&SendOptions::default()).await.unwrap();
    assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
    assert!(server.report().await.resumed);
}

#[tokio::test]
async fn verifying_tells_what_is_wrong() {
    let server = MailServer::start("starttls").await;
    let options = SendOptions::default();
    let good = server.introduce(Smtp::starttls("127.0.0.1"));
    let verified = good.verify(&options).await.unwrap();
    assert!(verified.detail.starts_with("logged in to 127.0.0.1:"), "{}", verified.detail);
    assert!(verified.detail.ends_with(" over TLS"), "{}", verified.detail);

    let wrong = server.introduce(Smtp::starttls("127.0.0.1")).credentials("ada@example.com", "hunter22");
    let refusal = wrong.verify(&options).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.status), (RefusalKind::Auth, Some(535)));

    let stranger = server.stranger(Smtp::starttls("127.0.0.1"));
    let refusal = stranger.verify(&options).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unavailable);
    assert!(refusal.detail.contains("certificate"), "{}", refusal.detail);

    let plain = server.stranger(Smtp::plain("127.0.0.1"));
    assert_eq!(plain.verify(&options).await.unwrap_err().kind, RefusalKind::Auth);
    let without = Smtp::plain("127.0.0.1");
    let without = server.stranger(without).allow_plain_credentials();
    assert_eq!(refused(&send(&without, &mail::to(&["ada@example.com"])).await), RefusalKind::Auth);
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postfix_takes_many_messages_at_once() {
    let files = tempfile::TempDir::new().unwrap();
    let dump = files.path().join("mail");
    let port = free_port().await;
    let mut sink = Command::new(tools::smtp_sink());
    if tools::is_root() {
        // It insists on being told as whom to run.
        sink.args(["-u", "root"]);
    }
    sink.arg("-D").arg(&dump).args([&format!("127.0.0.1:{port}"), "100"]);
    let mut sink = sink.kill_on_drop(true).spawn().unwrap();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert_eq!(sink.try_wait().unwrap(), None, "smtp-sink ended");
        tokio::task::yield_now().await;
    }

    let smtp = Arc::new(Smtp::from_url(&format!("smtp://127.0.0.1:{port}")).unwrap().max_connections(4));
    let mut sends = JoinSet::new();
    for number in 0..40 {
        let smtp = Arc::clone(&smtp);
        sends.spawn(async move {
            let recipients = [format!("ada{number}@example.com"), format!("bob{number}@example.com")];
            send(&smtp, &mail::to(&recipients.each_ref().map(String::as_str))).await
        });
    }
    while let Some(outcome) = sends.join_next().await {
        let outcome = outcome.unwrap();
        assert!(outcome.is_accepted(), "{outcome:?}");
    }
    let taken = std::fs::read_to_string(&dump).unwrap();
    for number in 0..40 {
        let header = format!("To: ada{number}@example.com, bob{number}@example.com\n");
        assert_eq!(taken.matches(&header).count(), 1, "{header}");
        assert_eq!(taken.matches(&format!("X-Rcpt-Args: <bob{number}@example.com>")).count(), 1);
    }
}
