//! The emulated mail server: what it takes, what it refuses, and how it fails.

use courierx_core::message::Attachment;
use courierx_core::provider::conformance::Person;
use courierx_providers::Smtp;
use courierx_providers::emulator::{SmtpEmulator, SmtpFault, SmtpPhase};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{mail, send};

/// Says lines one by one, each after the answer to the one ahead; returns the answers' last lines.
async fn talk(server: &SmtpEmulator, lines: &[&str]) -> Vec<String> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let mut answers = vec![answer(&mut stream).await];
    for line in lines {
        stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        answers.push(answer(&mut stream).await);
    }
    answers.split_off(1)
}

/// The last line of the next reply; empty at the end.
async fn answer(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(b'\n') if line.get(3) == Some(&b'-') => line.clear(),
            Ok(b'\n') | Err(_) => return String::from_utf8(line).unwrap().trim_end().to_owned(),
            Ok(byte) => line.push(byte),
        }
    }
}

/// The reply to the last of these lines.
async fn last(server: &SmtpEmulator, lines: &[&str]) -> String {
    talk(server, lines).await.pop().unwrap()
}

const HELLO: &str = "EHLO test.example";
const MAIL: &str = "MAIL FROM:<ada@example.com>";
const RCPT: &str = "RCPT TO:<bob@example.com>";

#[tokio::test]
async fn commands_have_an_order_and_a_syntax() {
    let server = SmtpEmulator::builder().size(Some(1000)).max_recipients(1).start().await.unwrap();
    for (lines, expected) in [
        (&["MAIL FROM:<a@example.com>"][..], "503"),
        (&["EHLO"], "501"),
        (&["EHLO not a name"], "501"),
        (&["EHLO [127.0.0.1]"], "250"),
        (&[HELLO, RCPT], "503"),
        (&[HELLO, MAIL, MAIL], "503"),
        (&[HELLO, MAIL, "DATA"], "554"),
        (&[HELLO, MAIL, RCPT, "DATA now"], "501"),
        (&[HELLO, MAIL, RCPT, RCPT], "452"),
        (&[HELLO, MAIL, RCPT, "RSET", RCPT], "503"),
        (&[HELLO, "MAIL FROM: <a@example.com>"], "501"),
        (&[HELLO, "MAIL FROM:a@example.com"], "501"),
        (&[HELLO, "MAIL FROM:<no address>"], "501"),
        (&[HELLO, "MAIL FROM:<>"], "250"),
        (&[HELLO, "MAIL FROM:<a@example.com> SIZE=1001"], "552"),
        (&[HELLO, "MAIL FROM:<a@example.com> SIZE=1 SIZE=1"], "501"),
        (&[HELLO, "MAIL FROM:<a@example.com> RET=FULL"], "555"),
        (&[HELLO, "MAIL FROM:<zo\u{eb}@example.com>"], "553"),
        (&[HELLO, "MAIL FROM:<zo\u{eb}@example.com> SMTPUTF8"], "250"),
        (&[HELLO, MAIL, "RCPT TO:<>"], "501"),
        (&[HELLO, MAIL, "RCPT TO:<bob@example.com> NOTIFY=NEVER"], "555"),
        (&["BREW"], "500"),
        (&["NOOP\nNOOP"], "500"),
        (&["NOOP"], "250"),
        (&["VRFY ada"], "252"),
        (&["STARTTLS"], "502"),
        (&["AUTH PLAIN AGEAYg=="], "502"),
        (&["QUIT"], "221"),
    ] {
        let reply = last(&server, lines).await;
        assert!(reply.starts_with(expected), "{lines:?}: {reply}");
    }
    let long = format!("NOOP {}", "x".repeat(5000));
    assert_eq!(talk(&server, &[&long, "NOOP"]).await, ["500 5.5.2 The line is too long", "250 2.0.0 Ok"]);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn messages_have_a_form() {
    let server = SmtpEmulator::builder().size(Some(5000)).start().await.unwrap();
    let head = "From: ada@example.com\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n";
    for (message, expected) in [
        (format!("{head}\r\nHello.\r\n."), "250"),
        (format!("{head}\r\na\nb\r\n."), "554 5.6.0 A CR or LF"),
        (format!("{head}\r\na\n.\r\nb\r\n."), "554 5.6.0 A CR or LF"),
        (format!("{head}\r\na\rb\r\n."), "554 5.6.0 A CR or LF"),
        (format!("{head}\r\n{}\r\n.", "x".repeat(998)), "250"),
        (format!("{head}\r\n{}\r\n.", "x".repeat(1100)), "554 5.6.0 A line"),
        (format!("{head}\r\n{}.", "line\r\n".repeat(1000)), "552"),
        (format!("{head}\r\nh\u{e9}\r\n."), "554 5.6.3"),
        ("Subject: nobody's\r\n\r\nHello.\r\n.".to_owned(), "554 5.6.0 That is no message"),
    ] {
        let reply = last(&server, &[HELLO, MAIL, RCPT, "DATA", &message]).await;
        assert!(reply.starts_with(expected), "{message:?}: {reply}");
    }
    let mail = "MAIL FROM:<ada@example.com> BODY=8BITMIME";
    let reply = last(&server, &[HELLO, mail, RCPT, "DATA", &format!("{head}Subject: \u{e9}\r\n\r\n.")]).await;
    assert!(reply.starts_with("554 5.6.9"), "{reply}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn only_who_knows_the_password_may_send() {
    let server = SmtpEmulator::builder().credentials("ada", "s3cret").start().await.unwrap();
    for (lines, expected) in [
        (&[HELLO, MAIL][..], "530"),
        (&[HELLO, "AUTH PLAIN AGFkYQBzM2NyZXQ=", MAIL], "250"),
        (&[HELLO, "AUTH PLAIN", "AGFkYQBzM2NyZXQ=", MAIL], "250"),
        (&[HELLO, "AUTH LOGIN", "YWRh", "czNjcmV0", MAIL], "250"),
        (&[HELLO, "AUTH LOGIN YWRh", "czNjcmV0", MAIL], "250"),
        (&[HELLO, "AUTH LOGIN YWRh", "YWRh"], "535"),
        (&[HELLO, "AUTH PLAIN", "*"], "501"),
        (&[HELLO, "AUTH PLAIN not-base64!"], "501"),
        (&[HELLO, "AUTH CRAM-MD5"], "504"),
        (&[HELLO, "AUTH PLAIN AGFkYQBzM2NyZXQ=", "AUTH PLAIN AGFkYQBzM2NyZXQ="], "503"),
    ] {
        let reply = last(&server, lines).await;
        assert!(reply.starts_with(expected), "{lines:?}: {reply}");
    }
    assert!(!format!("{:?}{server:?}", server.commands()).contains("AGFkYQBzM2NyZXQ="));
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let server = SmtpEmulator::builder().pipelining(false).smtputf8(false).eight_bit_mime(false).size(None);
    let server = server.start().await.unwrap();
    for parameter in ["SIZE=1", "BODY=8BITMIME", "SMTPUTF8"] {
        let reply = last(&server, &[HELLO, &format!("{MAIL} {parameter}")]).await;
        assert!(reply.starts_with("555"), "{parameter}: {reply}");
    }
    let together = last(&server, &[HELLO, &format!("{MAIL}\r\n{RCPT}")]).await;
    assert!(together.starts_with("503"), "{together}");

    let pipelining = SmtpEmulator::builder().start().await.unwrap();
    let after_data = last(&pipelining, &[HELLO, MAIL, RCPT, "DATA\r\nFrom: too early"]).await;
    assert!(after_data.starts_with("503"), "{after_data}");
}

#[tokio::test]
async fn a_message_is_read_as_it_was_meant() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    let message = mail::outgoing(
        mail::draft()
            .from("Zo\u{eb}, the Sender <zoe@example.com>")
            .to("Ada Lovelace <ada@example.com>")
            .cc("team@example.com")
            .bcc("hidden@example.com")
            .reply_to("answers@example.com")
            .subject("\u{dc}n\u{ef}c\u{f6}d\u{e9} \u{1f389}  twice")
            .text("Gr\u{fc}\u{df}e,\n.\n..dots\n")
            .html("<p>Hi</p>")
            .header("X-Any", "two  blanks")
            .attach(Attachment::inline("logo@example.com", "logo.png", "image/png", b"\x89\0\n.\n".to_vec()))
            .attach(Attachment::new(
                "\u{dc}ber.eml",
                "message/rfc822",
                b"Subject: inner\r\n\r\nInner.\r\n".to_vec(),
            ))
            .attach(Attachment::new("l.txt", "text/plain; charset=iso-8859-1", b"\xe9\r\n".to_vec())),
    );
    assert!(send(&Smtp::from_url(&server.url()).unwrap(), &message).await.is_accepted());
    let received = server.wait_for(1).await.pop().unwrap();
    assert_eq!(received.from, Person::new("zoe@example.com").named("Zo\u{eb}, the Sender"));
    assert_eq!(received.to, [Person::new("ada@example.com").named("Ada Lovelace")]);
    assert_eq!(received.cc, [Person::new("team@example.com")]);
    assert_eq!(received.bcc, [Person::new("hidden@example.com")]);
    assert_eq!(received.reply_to, [Person::new("answers@example.com")]);
    assert_eq!(received.subject, message.subject().as_str());
    assert_eq!(received.text.as_deref(), message.text());
    assert_eq!(received.html.as_deref(), message.html());
    assert_eq!(received.header("X-Any"), Some("two  blanks"));
    assert_eq!(received.header("Message-ID"), Some(message.header_message_id()));
    assert_eq!(received.delivery, Some(message.delivery_id().to_string()));
    for (file, meant) in received.files.iter().zip(message.attachments()) {
        assert_eq!(file.name, meant.file_name().as_str());
        assert_eq!(file.content, meant.content());
        assert_eq!(file.content_type, meant.content_type().essence());
        assert_eq!(
            file.content_id.as_deref(),
            meant.content_id().map(courierx_core::message::ContentId::as_str)
        );
    }
    assert_eq!(received.files.len(), 3);
    assert_eq!(server.raw(), [courierx_providers::mime::render(&message)]);
    assert_eq!(server.envelopes()[0].from, "zoe@example.com");
}

#[tokio::test]
async fn a_fault_happens_when_it_is_told_to() {
    let server = SmtpEmulator::builder().start().await.unwrap();
    server.fail_next(1, SmtpFault::reply(SmtpPhase::Mail, "452 4.3.1 Full"));
    assert_eq!(talk(&server, &[HELLO, MAIL, MAIL]).await[1..], ["452 4.3.1 Full", "250 2.1.0 Ok"]);

    for phase in [SmtpPhase::Greeting, SmtpPhase::Ehlo, SmtpPhase::Mail, SmtpPhase::Quit] {
        server.fail(Some(SmtpFault::drop(phase)));
        let lines = [HELLO, MAIL, "QUIT"];
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(lines.map(|line| format!("{line}\r\n")).concat().as_bytes()).await.unwrap();
        let mut said = String::new();
        // A connection that is cut while something is on its way ends with an error.
        let _ = stream.read_to_string(&mut said).await;
        assert!(!said.contains("221"), "{phase}: {said}");
    }
    server.fail(Some(SmtpFault::truncated(SmtpPhase::Dot)));
    let body = "From: a@example.com\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n.";
    assert_eq!(last(&server, &[HELLO, MAIL, RCPT, "DATA", body]).await, "25");
    assert_eq!(server.count(), 1);

    server.clear();
    server.fail(None);
    let spam = SmtpFault::reply(SmtpPhase::Dot, "554 5.7.1").address();
    let reply = last(&server, &[HELLO, &format!("MAIL FROM:<{spam}>"), RCPT, "DATA", body]).await;
    assert_eq!(reply, "554 5.7.1 as dot-554-5.7.1 asks");
    assert_eq!((server.count(), server.received().len()), (0, 0));
}
