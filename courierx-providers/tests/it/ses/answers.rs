//! What SES's answers mean.

use std::time::Duration;

use courierx_core::provider::{EmailProvider as _, Outcome, RefusalKind, SendOptions};
use courierx_providers::emulator::Fault;
use proptest::prelude::*;

use super::{pair, send, ses};
use crate::support::answers::{Answers, Canned, recordings};
use crate::support::api::{SECRET, client, http};
use crate::support::{mail, refused};

/// What is to come of an answer; none for an outcome nobody knows.
type Meaning = Option<RefusalKind>;

async fn meaning(answers: &Answers, canned: Canned) -> Meaning {
    answers.say([canned]);
    match send(&ses(answers.url(), http()), &mail::to(&["ada@example.com"])).await {
        Outcome::Refused(refusal) => Some(refusal.kind),
        Outcome::Unknown(_) => None,
        other => panic!("{other:?}"),
    }
}

fn said(status: u16, code: &str, message: &str) -> Canned {
    Canned::new(status, format!(r#"{{"message":"{message}"}}"#)).header("x-amzn-ErrorType", code)
}

#[tokio::test]
async fn errors_are_told_apart_by_their_codes() {
    use RefusalKind::{Auth, Content, Quota, Sender, Throttled, Unavailable};

    let unverified =
        "Email address is not verified. The following identities failed the check in region X: a@b.c";
    let denied = "User arn:aws:iam::1:user/app is not authorized to perform ses:SendEmail on resource \
        arn:aws:ses:eu-central-1:1";
    let answers = Answers::start().await;
    for (status, code, message, kind) in [
        (429, "TooManyRequestsException", "Maximum sending rate exceeded.", Throttled),
        (429, "TooManyRequestsException", "Daily message quota exceeded.", Quota),
        (429, "TooManyRequestsException", "", Throttled),
        (400, "ThrottlingException", "Rate exceeded", Throttled),
        (400, "Throttling", "Daily message quota exceeded", Quota),
        (400, "Throttling", "Maximum sending rate exceeded", Throttled),
        (400, "LimitExceededException", "Daily message quota exceeded", Quota),
        (400, "LimitExceededException", "Maximum sending rate exceeded", Throttled),
        (400, "AccountSuspendedException", "gone", Auth),
        (400, "SendingPausedException", "Account is paused", Auth),
        (400, "MessageRejected", unverified, Sender),
        (403, "MessageRejected", unverified, Sender),
        (400, "MessageRejected", "Sending suspended for this account.", Auth),
        (400, "MessageRejected", "Illegal content", Content),
        (403, "MessageRejected", "Illegal content", Content),
        (400, "MailFromDomainNotVerifiedException", "no", Sender),
        (404, "NotFoundException", "Configuration set <x> does not exist.", Auth),
        (400, "BadRequestException", "Configuration set <x> does not exist.", Auth),
        (400, "BadRequestException", "Local address contains control or whitespace", Content),
        (403, "UnrecognizedClientException", "invalid", Auth),
        (400, "InvalidClientTokenId", "invalid", Auth),
        (403, "InvalidSignatureException", "Signature expired", Auth),
        (403, "SignatureDoesNotMatch", "no", Auth),
        (400, "IncompleteSignature", "no", Auth),
        (403, "MissingAuthenticationToken", "no", Auth),
        (403, "MissingAuthenticationTokenException", "no", Auth),
        (403, "ExpiredToken", "no", Auth),
        (400, "ExpiredTokenException", "no", Auth),
        (403, "OptInRequired", "no", Auth),
        (403, "AccessDenied", "no", Auth),
        (403, "AccessDeniedException", "not authorized to perform: ses:SendEmail", Auth),
        (403, "AccessDeniedException", &format!("{denied}:identity/example.com"), Sender),
        (403, "AccessDenied", &format!("{denied}:identity/ada@example.com"), Sender),
        (403, "AccessDenied", &format!("{denied}:configuration-set/x"), Auth),
        (403, "SignatureDoesNotMatch", "not :identity/", Auth),
        (400, "NotAuthorized", "no", Auth),
        (400, "RequestExpired", "no", Auth),
        (403, "RequestTimeTooSkewed", "no", Auth),
        (413, "RequestEntityTooLarge", "no", Content),
        (400, "SerializationException", "no", Content),
        (500, "InternalFailure", "no", Unavailable),
        (500, "InternalServerError", "no", Unavailable),
        (500, "InternalServiceErrorException", "no", Unavailable),
        (503, "ServiceUnavailable", "no", Unavailable),
        (409, "ConflictException", "no", Unavailable),
        (400, "SomethingNew", "no", Content),
        (500, "SomethingNew", "no", Unavailable),
        (503, "SomethingNew", "no", Unavailable),
    ] {
        assert_eq!(
            meaning(&answers, said(status, code, message)).await,
            Some(kind),
            "{status} {code} {message}"
        );
    }
}

#[tokio::test]
async fn a_code_stands_in_the_header_or_in_the_body() {
    let answers = Answers::start().await;
    for (name, code) in [
        ("x-amzn-ErrorType", "TooManyRequestsException:http://internal.amazon.com/coral/"),
        ("X-Amzn-Errortype", "com.amazon.ses#TooManyRequestsException"),
    ] {
        let canned = Canned::new(400, "").header(name, code);
        assert_eq!(meaning(&answers, canned).await, Some(RefusalKind::Throttled), "{code}");
    }
    for body in [
        r#"{"__type":"com.amazon.coral.availability#ThrottlingException","message":"Rate exceeded"}"#,
        r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#,
        r#"{"code":"Throttling","message":"Rate exceeded","Message":"Rate exceeded"}"#,
    ] {
        assert_eq!(meaning(&answers, Canned::new(400, body)).await, Some(RefusalKind::Throttled), "{body}");
    }
}

#[tokio::test]
async fn without_a_code_the_status_decides() {
    let answers = Answers::start().await;
    for (status, body, expected) in [
        (400, "", Some(RefusalKind::Content)),
        (403, r#"{"message":"Forbidden"}"#, Some(RefusalKind::Auth)),
        (404, "<html>", Some(RefusalKind::Auth)),
        // Of a firewall, which may be about this message alone.
        (400, "<html>400 Bad Request</html>", Some(RefusalKind::Policy)),
        (403, "<html>403 Forbidden</html>", Some(RefusalKind::Policy)),
        (403, "blocked by the proxy", Some(RefusalKind::Policy)),
        (413, "<html>", Some(RefusalKind::Content)),
        (429, "", Some(RefusalKind::Throttled)),
        (301, "", Some(RefusalKind::Auth)),
        (500, r#"{"message":"Internal server error"}"#, None),
        (502, "<html>", None),
        (503, "<html>", None),
        (504, r#"{"message":null}"#, None),
        (500, r#"{"__type":""}"#, None),
        // Of a gateway, perhaps.
        (502, r#"{"code":"bad_gateway","message":"no"}"#, None),
    ] {
        assert_eq!(meaning(&answers, Canned::new(status, body)).await, expected, "{status} {body}");
    }
    // Too large to be read, or empty: a page all the same.
    let page = Canned::new(403, "").header("content-type", "text/html");
    assert_eq!(meaning(&answers, page).await, Some(RefusalKind::Policy));
}

#[tokio::test]
async fn recorded_errors_mean_what_they_say() {
    let answers = Answers::start().await;
    for (name, recording) in recordings("ses") {
        let Some(name) = name.strip_prefix("error_") else { continue };
        let expected = match name {
            "throttled" => RefusalKind::Throttled,
            "daily_quota" | "limit_exceeded" => RefusalKind::Quota,
            "unverified" | "mail_from" | "access_denied" => RefusalKind::Sender,
            "bad_request" => RefusalKind::Content,
            "bad_key" | "bad_signature" | "not_found" | "paused" | "suspended" => RefusalKind::Auth,
            other => panic!("{other} is new"),
        };
        assert_eq!(meaning(&answers, Canned::recorded(&recording)).await, Some(expected), "{name}");
    }
}

#[tokio::test]
async fn an_acceptance_has_an_id_where_it_can_be_read() {
    let answers = Answers::start().await;
    let ses = ses(answers.url(), http());
    let long = format!(r#"{{"MessageId":"{}"}}"#, "x".repeat(501));
    for (body, expected) in [
        (r#"{"MessageId":"0100-x-000000"}"#, Some("0100-x-000000")),
        (r#"{"MessageId":"x","New":1}"#, Some("x")),
        (r#"{"MessageId":""}"#, None),
        // Longer than any vendor's: it is kept with every attempt, and sought by.
        (&long, None),
        (r#"{"MessageId":7}"#, None),
        ("<html>", None),
        ("", None),
    ] {
        answers.say([Canned::new(200, body)]);
        let Outcome::Accepted(acceptance) = send(&ses, &mail::to(&["ada@example.com"])).await else {
            panic!("not accepted: {body}");
        };
        assert_eq!(acceptance.provider_message_id(), expected, "{body}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let answers = Answers::start().await;
    let ses = ses(answers.url(), http());
    for kind in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
        let page = Canned::new(200, "<html>Sign in to the network").header("content-type", kind);
        answers.say([page]);
        let outcome = send(&ses, &mail::to(&["ada@example.com"])).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{kind}: {outcome:?}");
        let refusal = ses.verify(&SendOptions::default()).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Unavailable, "{kind}");
    }
}

#[tokio::test]
async fn it_is_left_alone_as_long_as_it_asks_to_be() {
    let answers = Answers::start().await;
    let ses = ses(answers.url(), http());
    for (value, expected) in [(None, None), (Some("7"), Some(7)), (Some("soon"), None)] {
        let canned = said(429, "TooManyRequestsException", "Maximum sending rate exceeded.");
        answers.say([value.into_iter().fold(canned, |canned, value| canned.header("retry-after", value))]);
        let Outcome::Refused(refusal) = send(&ses, &mail::to(&["ada@example.com"])).await else { panic!() };
        assert_eq!(refusal.retry_after, expected.map(Duration::from_secs));
        assert_eq!(refusal.code.as_deref(), Some("TooManyRequestsException"));
        assert_eq!(refusal.status, Some(429));
    }
}

#[tokio::test]
async fn a_repeated_secret_is_blackened() {
    let answers = Answers::start().await;
    let canned = said(403, "InvalidSignatureException", &format!("not signed by {SECRET} or t0ken-of-mine"));
    answers.say([canned]);
    let ses = ses(answers.url(), http()).session_token("t0ken-of-mine");
    let text = format!("{:?}", send(&ses, &mail::to(&["ada@example.com"])).await);
    assert!(text.contains("not signed by *** or ***"), "{text}");
}

#[tokio::test]
async fn faults_have_their_outcomes() {
    let (emulator, ses) = pair().await;
    let message = mail::to(&["ada@example.com"]);
    for fault in Fault::ALL.iter().copied() {
        emulator.fail(Some(fault));
        let outcome = send(&ses.clone().http(client(fault)), &message).await;
        let expected = match fault {
            Fault::Throttled | Fault::ThrottledWithoutTime => RefusalKind::Throttled,
            Fault::Quota => RefusalKind::Quota,
            Fault::Unverified => RefusalKind::Sender,
            Fault::Suspended | Fault::Unauthorized => RefusalKind::Auth,
            Fault::Typed500 | Fault::Typed503 => RefusalKind::Unavailable,
            // Told by an event, after it was accepted.
            Fault::Suppressed | Fault::Unreadable | Fault::Slow => {
                assert!(outcome.is_accepted(), "{fault} {outcome:?}");
                continue;
            }
            _ => {
                assert!(matches!(outcome, Outcome::Unknown(_)), "{fault} {outcome:?}");
                continue;
            }
        };
        assert_eq!(refused(&outcome), expected, "{fault}");
    }
}

#[test]
fn no_error_is_taken_for_an_acceptance() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answers = runtime.block_on(Answers::start());
    let ses = ses(answers.url(), http());
    let message = mail::to(&["ada@example.com"]);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        r#"\{"(message|Message|__type|code|MessageId)":("[ -!#-\[\]-~]{0,20}"|[0-9]|null|\{\})\}"#
            .prop_map(String::into_bytes),
    ];
    let config = ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(status in 300..600_u16, body in body, code in prop::option::of("[ -~]{0,30}"))| {
        let canned = Canned::new(status, body);
        let canned = code.iter().fold(canned, |canned, code| canned.header("x-amzn-errortype", code));
        answers.say([canned]);
        let outcome = runtime.block_on(send(&ses, &message));
        prop_assert!(matches!(outcome, Outcome::Refused(_) | Outcome::Unknown(_)), "{outcome:?}");
    });
}
