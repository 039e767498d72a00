//! Calling back where a vendor was told to, by the keys that it told there.

use std::sync::Mutex;

use courierx_core::event::EventKind::{Delivered, Sent};
use courierx_core::provider::{CallbackState, EmailProvider, SendOptions, Subject};
use courierx_providers::Ses;
use courierx_providers::emulator::Emulator;
use courierx_providers::http::BaseUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::lives::{adapter, emulator};
use super::*;
use crate::support::mail;

/// Takes all callbacks, and keeps them.
async fn receiver() -> (String, Arc<Mutex<Vec<Callback>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callbacks/1", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let callback = read(&mut stream).await;
            keep.lock().unwrap().push(callback);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    (url, kept)
}

async fn read(stream: &mut TcpStream) -> Callback {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.map(|end| String::from_utf8_lossy(&request[..end]).into_owned());
        if let (Some(end), Some(head)) = (end, head) {
            let headers: Vec<_> = head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect();
            let length = headers.iter().find(|(name, _)| *name == "content-length");
            let body = &request[end + 4..];
            if length.is_none_or(|(_, length)| body.len() >= length.parse().unwrap()) {
                let callback = Callback::new(body.to_vec());
                return headers.into_iter().fold(callback, |all, (name, value)| all.header(name, value));
            }
        }
        let read = stream.read(&mut piece).await.unwrap();
        request.extend_from_slice(&piece[..read]);
    }
}

/// Gets a path of the emulator's: the answer's body.
async fn get(emulator: &Emulator, path: &str) -> String {
    let mut stream = TcpStream::connect(emulator.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What reads callbacks by what setting up told.
async fn source(vendor: &str, state: &CallbackState, emulator: &Emulator) -> Box<dyn EventSource> {
    let key = state.key.as_ref().map(courierx_core::provider::CallbackKey::expose).unwrap_or_default();
    match vendor {
        "sendgrid" => Box::new(sendgrid::Callbacks::new(key).unwrap()),
        "mailgun" => Box::new(mailgun::Callbacks::new(key).unwrap()),
        "postmark" => Box::new(postmark::Callbacks::basic("courierx", key).unwrap()),
        "resend" => Box::new(resend::Callbacks::new(key).unwrap()),
        _ => {
            let pem = Pem(get(emulator, "/SimpleNotificationService-emulated.pem").await);
            let topic = state.topic.clone().unwrap();
            Box::new(ses::Callbacks::new([topic]).unwrap().only_sha256().certificates(Arc::new(pem)))
        }
    }
}

async fn send(adapter: &dyn EmailProvider) {
    assert!(adapter.send(&mail::to(&["ada@example.com"]), &SendOptions::default()).await.is_accepted());
}

#[tokio::test]
async fn what_was_set_up_is_called_back() {
    for vendor in ["sendgrid", "mailgun", "postmark", "resend", "ses"] {
        let emulator = emulator(vendor).start().await.unwrap();
        let (url, kept) = receiver().await;
        let adapter: Box<dyn EmailProvider> = match vendor {
            "ses" => Box::new(plain_ses(&emulator)),
            vendor => adapter(vendor, &emulator.url()),
        };
        let options = SendOptions::default();
        let setup = adapter.callback_setup().unwrap();
        let state = setup.ensure(&url, PASSWORD, &options).await.unwrap();
        let source = source(vendor, &state, &emulator).await;
        let sender: Box<dyn EmailProvider> = match &state.configuration_set {
            Some(set) => Box::new(plain_ses(&emulator).configuration_set(set)),
            None => adapter,
        };
        if vendor == "ses" {
            send(&*sender).await;
            assert_eq!(emulator.call_back_where_told(NOW).await, [(url.clone(), 200)], "nothing before");
            let asked = kept.lock().unwrap().remove(0);
            let authentic = source.verify(&asked, NOW).await.unwrap();
            let Subject::Subscribe(confirmation) = authentic.subject else { panic!("{authentic:?}") };
            assert_eq!(Some(&confirmation.topic), state.topic.as_ref());
            let path = confirmation.url.strip_prefix("https://sns.eu-central-1.amazonaws.com").unwrap();
            get(&emulator, path).await;
            let agreed =
                plain_ses(&emulator).callback_setup().unwrap().ensure(&url, "", &options).await.unwrap();
            assert!(!agreed.awaits_agreement);
            // Nobody hears of what names no configuration set.
            send(&plain_ses(&emulator)).await;
            assert!(emulator.call_back_where_told(NOW).await.is_empty());
        }
        // Who can be asked to call back at once says nothing by it that means anything.
        let setup = sender.callback_setup().unwrap();
        let can_be = matches!(vendor, "sendgrid" | "ses");
        assert_eq!(setup.try_out(&url, &options).await.unwrap(), can_be, "{vendor}");
        assert_eq!(emulator.call_back_where_told(NOW).await.len(), usize::from(can_be), "{vendor}");
        let trials = std::mem::take(&mut *kept.lock().unwrap());
        for trial in trials {
            let events = source.read(&trial, NOW).await.unwrap();
            assert!(events.iter().all(|event| event.delivery.is_none()), "{vendor}: {events:?}");
        }

        send(&*sender).await;
        let told = emulator.call_back_where_told(NOW).await;
        assert!(!told.is_empty() && told.iter().all(|one| *one == (url.clone(), 200)), "{vendor}: {told:?}");
        let calls = std::mem::take(&mut *kept.lock().unwrap());
        let mut kinds = Vec::new();
        for call in &calls {
            kinds.extend(source.read(call, NOW).await.unwrap().into_iter().map(|event| event.kind));
        }
        let expected: &[_] = if vendor == "postmark" { &[Delivered] } else { &[Sent, Delivered] };
        assert_eq!(kinds, expected, "{vendor}");

        let setup = sender.callback_setup().unwrap();
        assert!(setup.remove(&url, &options).await.unwrap(), "{vendor}");
        send(&*sender).await;
        assert!(emulator.call_back_where_told(NOW).await.is_empty(), "{vendor}: nobody is told any more");
    }
}

fn plain_ses(emulator: &Emulator) -> Ses {
    let url = BaseUrl::new(&emulator.url()).unwrap();
    Ses::new("AKIDEXAMPLE", "secret-access-key", "eu-central-1").unwrap().base_url(url)
}
