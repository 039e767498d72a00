//! Two mail servers behind one router: what one of them cannot do is no word about the other.

use courierx_core::clock::SystemClock;
use courierx_core::engine::{Direct, SendError};
use courierx_core::message::EmailBuilder;
use courierx_core::provider::RefusalKind;
use courierx_core::router::{Connection, Router};

use crate::support::server::{Script, Server, say};
use crate::support::{mail, smtp};

/// Sends by the first of these, else by the second.
async fn send(a: &Server, b: &Server, email: EmailBuilder) -> Result<Vec<String>, SendError> {
    let connection = |name: &str, server| Connection::new(name.parse().unwrap(), smtp(server));
    let router = Router::new(vec![connection("a", a), connection("b", b)]).unwrap();
    let direct = Direct::new(router, SystemClock::shared());
    let sent = direct.send(&email.build().unwrap()).await?;
    Ok(sent.tried.iter().map(|one| one.connection.to_string()).collect())
}

#[tokio::test]
async fn what_one_server_cannot_carry_another_one_may() {
    let able = || Script::default().offering("8BITMIME").offering("SMTPUTF8").offering("SIZE 1000000");
    let cases = [
        ("zoë@example.com", Script::default()),
        ("ada@example.com", Script::default().offering("SIZE 200")),
        ("ada@example.com", Script::default().on("MAIL", say("552 5.3.4 Message size exceeds fixed limit"))),
        ("ada@example.com", Script::default().on("MAIL", say("555 5.5.4 Parameters not recognized"))),
        ("ada@example.com", Script::default().on("ANSWER", say("552 message too large"))),
        ("zoë@example.com", able().on("RCPT", say("553 5.6.7 Non-ASCII addresses not permitted"))),
    ];
    for (to, script) in cases {
        let case = format!("{to}: {script:?}");
        let (a, b) = (script.start().await, able().start().await);
        let tried =
            send(&a, &b, mail::draft().to(to)).await.unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!((tried.as_slice(), b.seen().messages.len()), (["a", "b"].map(String::from).as_slice(), 1));
    }
}

#[tokio::test]
async fn what_is_refused_for_its_content_is_not_shown_around() {
    let a = Script::default().on("ANSWER", say("554 5.6.0 Content rejected")).start().await;
    let b = Script::default().start().await;
    let error = send(&a, &b, mail::draft().to("ada@example.com")).await.unwrap_err();
    let SendError::NotSent(report) = &error else { panic!("{error}") };
    assert_eq!(crate::support::refused(&report.outcome), RefusalKind::Content);
    assert_eq!(b.seen().connections, 0);
}
