//! Telling vendors where to call back.

use courierx_core::provider::{CallbackSetup, SendOptions};
use courierx_providers::emulator::{Emulator, Fault};
use courierx_providers::http::BaseUrl;
use courierx_providers::{Mailgun, Postmark, Resend, SendGrid, Ses};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const URL: &str = "https://mail.example.com/callbacks/1";
const OTHER: &str = "https://mail.example.com/callbacks/2";
const VENDORS: [&str; 5] = ["sendgrid", "mailgun", "postmark", "resend", "ses"];

async fn meet(vendor: &str) -> (Emulator, Box<dyn CallbackSetup>) {
    let emulator = match vendor {
        "sendgrid" => Emulator::sendgrid("SG.key"),
        "mailgun" => Emulator::mailgun("key", "mg.example.com"),
        "postmark" => Emulator::postmark("token"),
        "ses" => Emulator::ses("AKIDEXAMPLE", "secret-access-key", "eu-central-1"),
        _ => Emulator::resend("re_key"),
    };
    let emulator = emulator.start().await.unwrap();
    let url = BaseUrl::new(&emulator.url()).unwrap();
    let setup: Box<dyn CallbackSetup> = match vendor {
        "sendgrid" => Box::new(SendGrid::new("SG.key").base_url(url)),
        "mailgun" => Box::new(Mailgun::new("key", "mg.example.com").unwrap().base_url(url)),
        "postmark" => Box::new(Postmark::new("token").base_url(url)),
        "ses" => Box::new(ses(&emulator)),
        _ => Box::new(Resend::new("re_key").base_url(url)),
    };
    (emulator, setup)
}

/// Amazon SES without a configuration set.
fn ses(emulator: &Emulator) -> Ses {
    let ses = Ses::new("AKIDEXAMPLE", "secret-access-key", "eu-central-1").unwrap();
    ses.base_url(BaseUrl::new(&emulator.url()).unwrap())
}

#[tokio::test]
async fn what_is_missing_is_made_and_what_is_there_stays() {
    let options = SendOptions::default();
    for vendor in VENDORS {
        let (_emulator, setup) = meet(vendor).await;
        assert_eq!(setup.status(URL, &options).await.unwrap(), None, "{vendor}");
        assert!(!setup.remove(URL, &options).await.unwrap(), "{vendor}");
        let made = setup.ensure(URL, PASSWORD, &options).await.unwrap();
        assert!(made.is_complete(), "{vendor}: {made:?}");
        if vendor == "ses" {
            let topic = made.topic.clone().unwrap();
            assert!(ses::Callbacks::new([topic]).is_ok() && made.awaits_agreement);
        } else {
            let key = made.key.clone().unwrap_or_else(|| panic!("{vendor} tells how callbacks are verified"));
            let usable = match vendor {
                "sendgrid" => sendgrid::Callbacks::new(key.expose()).is_ok(),
                "mailgun" => mailgun::Callbacks::new(key.expose()).is_ok(),
                "postmark" => key.expose() == PASSWORD,
                _ => resend::Callbacks::new(key.expose()).is_ok(),
            };
            assert!(usable && !format!("{made:?}").contains(key.expose()), "{vendor}");
        }
        assert_eq!(setup.ensure(URL, PASSWORD, &options).await.unwrap(), made, "{vendor}: the same again");
        assert_eq!(setup.status(URL, &options).await.unwrap(), Some(made.clone()), "{vendor}");

        let other = setup.ensure(OTHER, PASSWORD, &options).await.unwrap();
        assert_ne!(other.id, made.id, "{vendor}");
        assert!(setup.remove(URL, &options).await.unwrap(), "{vendor}");
        assert_eq!(setup.status(URL, &options).await.unwrap(), None, "{vendor}");
        assert_eq!(setup.status(OTHER, &options).await.unwrap(), Some(other), "{vendor}: another's stays");
    }
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_mended() {
    let options = SendOptions::default();
    for (vendor, method, path, body) in [
        (
            "sendgrid",
            "POST",
            "/v3/user/webhooks/event/settings",
            json!({ "url": URL, "enabled": false, "open": true }).to_string(),
        ),
        ("mailgun", "POST", "/v4/domains/mg.example.com/webhooks", format!("url={URL}&event_types=opened")),
        (
            "postmark",
            "POST",
            "/webhooks",
            json!({ "Url": URL, "Triggers": { "Open": { "Enabled": true } } }).to_string(),
        ),
        ("resend", "POST", "/webhooks", json!({ "endpoint": URL, "events": ["email.opened"] }).to_string()),
    ] {
        let (emulator, setup) = meet(vendor).await;
        let status = by_hand(&emulator, vendor, method, path, &body).await;
        assert!((200..300).contains(&status), "{vendor}: {status}");
        let before = setup.status(URL, &options).await.unwrap().unwrap();
        assert!(!before.is_complete(), "{vendor}: {before:?}");
        let mended = setup.ensure(URL, PASSWORD, &options).await.unwrap();
        assert!(mended.is_complete() && mended.id == before.id, "{vendor}: {mended:?}");
    }
}

#[tokio::test]
async fn whoever_may_not_is_told_why() {
    let options = SendOptions::default();
    for vendor in VENDORS {
        let (emulator, setup) = meet(vendor).await;
        emulator.fail(Some(Fault::Unauthorized));
        let refused = setup.ensure(URL, PASSWORD, &options).await.unwrap_err();
        assert_eq!(refused.kind, courierx_core::provider::RefusalKind::Auth, "{vendor}: {refused:?}");
        emulator.fail(None);
        setup.ensure(URL, PASSWORD, &options).await.unwrap();
        emulator.fail(Some(Fault::Unreadable));
        assert!(setup.status(URL, &options).await.is_err(), "{vendor}");
    }
}

/// Asks as somebody else would who has the same account.
async fn by_hand(emulator: &Emulator, vendor: &str, method: &str, path: &str, body: &str) -> u16 {
    let authorization = match vendor {
        "sendgrid" => "authorization: Bearer SG.key".to_owned(),
        "mailgun" => format!("authorization: Basic {}", STANDARD.encode("api:key")),
        "postmark" => "x-postmark-server-token: token".to_owned(),
        _ => "authorization: Bearer re_key".to_owned(),
    };
    let kind = if vendor == "mailgun" { "application/x-www-form-urlencoded" } else { "application/json" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nuser-agent: x\r\n{authorization}\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(emulator.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}
