//! Connecting, logging in, keeping connections, and what must never be shown or sent.

use std::sync::Arc;

use courierx_core::provider::{EmailProvider as _, Outcome, RefusalKind, SendOptions};
use courierx_providers::Smtp;
use courierx_providers::smtp::Direct;
use tokio::task::JoinSet;

use crate::support::server::{Act, Script, say};
use crate::support::{mail, refused, send, smtp};

#[tokio::test]
async fn one_connection_carries_many_messages() {
    let server = Script::default().start().await;
    let messages: Vec<_> = (0..5).map(|_| mail::to(&["ada@example.com"])).collect();
    let outcomes = smtp(&server).send_batch(&messages, &SendOptions::default()).await;
    assert!(outcomes.iter().all(Outcome::is_accepted));
    let seen = server.seen();
    assert_eq!((seen.connections, seen.messages.len(), seen.count("RSET")), (1, 5, 0));
}

#[tokio::test]
async fn a_connection_is_renewed_after_a_hundred_messages() {
    for script in [Script::default(), Script::default().offering("PIPELINING")] {
        let server = script.start().await;
        let messages: Vec<_> = (0..101).map(|_| mail::to(&["ada@example.com"])).collect();
        let outcomes = smtp(&server).send_batch(&messages, &SendOptions::default()).await;
        assert!(outcomes.iter().all(Outcome::is_accepted));
        assert_eq!((server.seen().connections, server.seen().count("MAIL")), (2, 101));
    }
}

#[tokio::test]
async fn a_connection_that_forgets_nothing_is_not_used_again() {
    for reply in ["421 4.4.2 idle for too long", "500 5.5.2 what"] {
        let script = Script::default().times("RCPT", say("550 5.1.1 no such user"), 1);
        let together = script.clone().offering("PIPELINING").times("DATA", say("554 no valid recipients"), 1);
        for script in [script, together] {
            let server = script.on("RSET", say(reply)).start().await;
            let smtp = smtp(&server);
            assert!(!send(&smtp, &mail::to(&["nobody@example.com"])).await.is_accepted());
            let outcome = send(&smtp, &mail::to(&["ada@example.com"])).await;
            assert!(outcome.is_accepted(), "{reply}: {outcome:?}");
            let ours = server.seen().messages.iter().filter(|message| message.contains("ada@")).count();
            assert_eq!((server.seen().connections, ours), (2, 1), "{reply}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_nothing() {
    for death in [Act::Close, say("421 4.4.2 idle for too long")] {
        let server =
            Script::default().times("MAIL", Act::Usual, 1).times("MAIL", death.clone(), 1).start().await;
        let smtp = smtp(&server);
        assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
        let outcome = send(&smtp, &mail::to(&["bob@example.com"])).await;
        assert!(outcome.is_accepted(), "{death:?}: {outcome:?}");
        assert_eq!(server.seen().connections, 2);
    }
}

#[tokio::test]
async fn no_more_connections_than_allowed() {
    let server = Script::default().start().await;
    let smtp = Arc::new(smtp(&server).max_connections(2));
    assert_eq!(smtp.capability().max_in_flight, 2);
    let mut sends: JoinSet<_> = (0..8)
        .map(|_| {
            let smtp = Arc::clone(&smtp);
            async move { send(&smtp, &mail::to(&["ada@example.com"])).await }
        })
        .collect();
    while let Some(outcome) = sends.join_next().await {
        assert!(outcome.unwrap().is_accepted());
    }
    assert!(server.seen().connections <= 2);
}

#[tokio::test]
async fn encryption_that_is_required_is_never_given_up() {
    let server = Script::default().start().await;
    let smtp = Smtp::starttls("127.0.0.1").port(server.port());
    assert_eq!(refused(&send(&smtp, &mail::to(&["ada@example.com"])).await), RefusalKind::Auth);
    assert_eq!(server.seen().commands, ["EHLO [127.0.0.1]"]);

    // A reply slipped in behind the one to STARTTLS would otherwise be read as if it came through TLS.
    let slipped =
        Script::default().offering("STARTTLS").on("STARTTLS", say("220 go\r\n250 slipped in")).start().await;
    let smtp = Smtp::starttls("127.0.0.1").port(slipped.port());
    assert_eq!(refused(&send(&smtp, &mail::to(&["ada@example.com"])).await), RefusalKind::Unavailable);
}

#[tokio::test]
async fn a_password_travels_unencrypted_only_where_that_was_said() {
    let server = Script::default().offering("AUTH PLAIN LOGIN").start().await;
    let careful = smtp(&server).credentials("ada", "tr0ub4dor");
    assert_eq!(refused(&send(&careful, &mail::to(&["ada@example.com"])).await), RefusalKind::Auth);
    assert_eq!(server.seen().connections, 0);

    let told = smtp(&server).credentials("ada", "tr0ub4dor").allow_plain_credentials();
    assert!(send(&told, &mail::to(&["ada@example.com"])).await.is_accepted());
    assert_eq!(server.seen().count("AUTH PLAIN AGFkYQB0cjB1YjRkb3I="), 1);
}

#[tokio::test]
async fn login_is_spoken_where_plain_is_not() {
    let server = Script::default()
        .offering("AUTH=LOGIN")
        .on("AUTH LOGIN", say("334 VXNlcm5hbWU6"))
        .on("YWRh", say("334 UGFzc3dvcmQ6"))
        .on("dHIwdWI0ZG9y", say("235 welcome"))
        .start()
        .await;
    let smtp = smtp(&server).credentials("ada", "tr0ub4dor").allow_plain_credentials();
    assert!(send(&smtp, &mail::to(&["ada@example.com"])).await.is_accepted());
}

#[tokio::test]
async fn a_server_without_login_is_refused() {
    let server = Script::default().offering("AUTH CRAM-MD5").start().await;
    let smtp = smtp(&server).credentials("ada", "tr0ub4dor").allow_plain_credentials();
    assert_eq!(refused(&send(&smtp, &mail::to(&["ada@example.com"])).await), RefusalKind::Auth);
}

#[tokio::test]
async fn what_a_server_repeats_of_the_credentials_is_not_shown() {
    let secret = "token-1234";
    let server = Script::default()
        .offering("AUTH PLAIN")
        .on("AUTH", say("535 5.7.8 bad login token-1234 AHRva2VuLTEyMzQAdG9rZW4tMTIzNA=="))
        .start()
        .await;
    let smtp = smtp(&server).credentials(secret, secret).allow_plain_credentials();
    let refusal = smtp.verify(&SendOptions::default()).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.status), (RefusalKind::Auth, Some(535)));
    assert_eq!(refusal.detail, "535 5.7.8 bad login *** ***");
    assert!(!format!("{smtp:?}{refusal:?}").contains(secret));
}

#[tokio::test]
async fn verifying_sends_nothing() {
    let server = Script::default().start().await;
    let verified = smtp(&server).verify(&SendOptions::default()).await.unwrap();
    assert_eq!(verified.detail, format!("reached 127.0.0.1:{} without encryption", server.port()));
    server.until(|seen| seen.count("QUIT") == 1).await;
    assert_eq!(server.seen().count("MAIL"), 0);
}

#[tokio::test]
async fn an_address_that_is_not_permitted_is_not_connected_to() {
    let server = Script::default().start().await;
    let guarded = smtp(&server).connect_with(Direct::only(|address| !address.ip().is_loopback()));
    let outcome = send(&guarded, &mail::to(&["ada@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Unavailable);
    assert_eq!(server.seen().connections, 0);
}

#[tokio::test]
async fn every_address_of_a_host_is_tried() {
    // Where `localhost` is `::1` too, nobody listens there.
    let server = Script::default().start().await;
    let named = Smtp::plain("localhost").port(server.port());
    assert!(send(&named, &mail::to(&["ada@example.com"])).await.is_accepted());
}

#[tokio::test]
async fn the_name_for_ehlo_cannot_end_the_command() {
    let server = Script::default().start().await;
    assert!(smtp(&server).hello_name("mail.example.com\r\nQUIT").is_err());
    let named = smtp(&server).hello_name("mail.example.com").unwrap();
    assert!(send(&named, &mail::to(&["ada@example.com"])).await.is_accepted());
    assert_eq!(server.seen().count("EHLO mail.example.com"), 1);
}
