//! The life of messages, from the hand-over to what the emulated vendors call back.

use std::sync::Mutex;

use courierx_core::event::EventKind::{
    self, BouncedHard, BouncedSoft, Clicked, Complained, Deferred, Delivered, Opened, Sent, Suppressed,
    Unsubscribed,
};
use courierx_core::provider::{EmailProvider, SendOptions};
use courierx_providers::emulator::{Emulator, EmulatorBuilder, FAULT_DOMAIN};
use courierx_providers::http::BaseUrl;
use courierx_providers::{Mailgun, Postmark, Resend, SendGrid, Ses};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::support::mail;

pub(super) fn emulator(vendor: &str) -> EmulatorBuilder {
    match vendor {
        "sendgrid" => Emulator::sendgrid("SG.key"),
        "ses" => Emulator::ses("AKIDEXAMPLE", "secret-access-key", "eu-central-1"),
        "mailgun" => Emulator::mailgun("key", "mg.example.com"),
        "postmark" => Emulator::postmark("token"),
        _ => Emulator::resend("re_key"),
    }
}

pub(super) fn adapter(vendor: &str, url: &str) -> Box<dyn EmailProvider> {
    let url = BaseUrl::new(url).unwrap();
    match vendor {
        "sendgrid" => Box::new(SendGrid::new("SG.key").base_url(url)),
        "ses" => Box::new(
            Ses::new("AKIDEXAMPLE", "secret-access-key", "eu-central-1")
                .unwrap()
                .base_url(url)
                .configuration_set("set"),
        ),
        "mailgun" => Box::new(Mailgun::new("key", "mg.example.com").unwrap().base_url(url)),
        "postmark" => Box::new(Postmark::new("token").base_url(url)),
        _ => Box::new(Resend::new("re_key").base_url(url)),
    }
}

/// What is called back about whom; some vendors do not tell of some things.
const LIVES: &[(&str, &[EventKind])] = &[
    ("ada", &[Sent, Delivered]),
    ("bounce", &[Sent, BouncedHard]),
    ("soft-bounce", &[Sent, BouncedSoft]),
    ("complain", &[Sent, Delivered, Complained]),
    ("open", &[Sent, Delivered, Opened]),
    ("machine-open", &[Sent, Delivered, Opened]),
    ("click", &[Sent, Delivered, Opened, Clicked]),
    ("unsubscribe", &[Sent, Delivered, Unsubscribed]),
    ("defer", &[Sent, Deferred, Delivered]),
    ("suppressed", &[Sent, Suppressed]),
];

#[tokio::test]
async fn every_vendor_tells_what_became_of_messages() {
    for vendor in vendors() {
        let emulator = emulator(vendor.name).start().await.unwrap();
        let adapter = adapter(vendor.name, &emulator.url());
        for (local, life) in LIVES {
            // Postmark refuses who is suppressed at once.
            if (vendor.name, *local) == ("postmark", "suppressed") {
                continue;
            }
            let address = format!("{local}@{FAULT_DOMAIN}");
            let message = mail::to(&[&address]);
            let outcome = adapter.send(&message, &SendOptions::default()).await;
            let courierx_core::provider::Outcome::Accepted(accepted) = &outcome else {
                panic!("{} {local}: {outcome:?}", vendor.name)
            };
            let callbacks = emulator.take_callbacks(&vendor.keys, NOW);
            let mut told = Vec::new();
            for callback in &callbacks {
                for event in vendor.source.read(callback, NOW).await.unwrap() {
                    assert_eq!(event.delivery, Some(message.delivery_id()), "{} {event:?}", vendor.name);
                    assert_eq!(
                        event.provider_message_id.as_deref(),
                        accepted.provider_message_id(),
                        "{}",
                        vendor.name
                    );
                    let recipient = event.recipient.as_ref().map(ToString::to_string);
                    assert_eq!(recipient.as_deref(), Some(address.as_str()), "{}", vendor.name);
                    assert_eq!(
                        event.machine,
                        *local == "machine-open" && event.kind == Opened,
                        "{}",
                        vendor.name
                    );
                    told.push(event.kind);
                }
            }
            let untold = |kind: &EventKind| match vendor.name {
                "postmark" => *kind == Sent,
                "resend" => *kind == Unsubscribed,
                _ => false,
            };
            let expected: Vec<_> = life.iter().copied().filter(|kind| !untold(kind)).collect();
            assert_eq!(told, expected, "{} {local}", vendor.name);
        }
        assert!(emulator.take_callbacks(&vendor.keys, NOW).is_empty(), "each is told once");
    }
}

/// Answers requests with these statuses, in order, and keeps them.
async fn receiver(statuses: Vec<u16>) -> (String, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            loop {
                let text = String::from_utf8_lossy(&request).to_lowercase();
                let length = text
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.lines().next()?.trim().parse().ok());
                let body = text.find("\r\n\r\n").map(|at| request.len() - at - 4);
                if length.is_some_and(|length: usize| body.is_some_and(|body| body >= length)) {
                    break;
                }
                let read = stream.read(&mut piece).await.unwrap();
                request.extend_from_slice(&piece[..read]);
            }
            keep.lock().unwrap().push(request);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, kept)
}

#[tokio::test]
async fn what_is_not_taken_is_called_back_again() {
    let vendor = vendor("resend");
    let emulator = emulator("resend").start().await.unwrap();
    let adapter = adapter("resend", &emulator.url());
    assert!(adapter.send(&mail::to(&["ada@example.com"]), &SendOptions::default()).await.is_accepted());
    let (url, kept) = receiver(vec![200, 503, 200]).await;
    assert_eq!(emulator.call_back(&url, &vendor.keys, NOW).await, [200, 503]);
    assert_eq!(emulator.call_back(&url, &vendor.keys, NOW).await, [200]);
    assert_eq!(emulator.call_back(&url, &vendor.keys, NOW).await, [0u16; 0]);
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 3);
    let body = |request: &[u8]| String::from_utf8_lossy(request).split("\r\n\r\n").nth(1).map(str::to_owned);
    assert_eq!(body(&kept[1]), body(&kept[2]), "the same again");
}
