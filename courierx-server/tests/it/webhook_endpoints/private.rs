//! Targets within the operator's network, however they are written: nothing reaches them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use courierx_server::config::PrivateTargets;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::receiver::Receiver;
use super::{PATH, at, create};
use crate::support::{Client, TestServer};

/// Something within the network, which counts who comes.
struct Trap {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Trap {
    async fn set() -> Self {
        // As IPv6 where there is any, so that it is there for both.
        let listener = match TcpListener::bind("[::]:0").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.unwrap(),
        };
        let (address, came) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&came);
        let listening = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, came, listening }
    }

    /// How many came before this question did, which goes the same way.
    async fn came(&self) -> usize {
        drop(tokio::net::TcpStream::connect(("127.0.0.1", self.address.port())).await.unwrap());
        let start = std::time::Instant::now();
        while self.came.load(Ordering::SeqCst) == 0 {
            assert!(start.elapsed() < crate::support::PATIENCE);
            tokio::task::yield_now().await;
        }
        self.came.load(Ordering::SeqCst) - 1
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Hosts, before a port: this machine, private networks, what vendors of machines tell them about themselves, and what is
/// nobody's; as numbers, wrapped into IPv6, and in letters that only look like digits.
const HOSTS: [&str; 56] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0X7F.0x0.0x0.0x1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "127%2e0%2e0%2e1",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "10.0.0.8",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
];

/// Whole URLs, with the trap's port for `PORT`: whose is the host, and is it one?
const URLS: [&str; 22] = [
    "http://127.0.0.1:PORT/hook",
    "http://localhost:PORT/hook",
    "https://example.com@127.0.0.1:PORT/hook",
    "https://example.com:443@127.0.0.1:PORT/hook",
    "https://example.com%40127.0.0.1:PORT/hook",
    "https://127.0.0.1:PORT\\@example.com/hook",
    "https://127.0.0.1:PORT#@example.com/",
    "https://127.0.0.1:PORT?@example.com/",
    "https:127.0.0.1:PORT/hook",
    "https:/127.0.0.1:PORT/hook",
    "https:///127.0.0.1:PORT/hook",
    "https:\\\\127.0.0.1:PORT\\hook",
    "//127.0.0.1:PORT/hook",
    "https://127.0\t.0.1:PORT/hook",
    "https://127.0.0.1:PORT\n/hook",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
    "ftp://127.0.0.1:PORT/x",
    "ws://127.0.0.1:PORT/x",
    "unix:///var/run/docker.sock",
    "data:application/json,x",
    "https://127.0.0.1:99999/hook",
];

/// Makes an endpoint of it, and tells it of something unless it is refused. Nobody takes it.
async fn is_not_reached(owner: &Client, url: &str) {
    let made = owner.post(PATH, &json!({ "url": url })).await;
    if made.status == 422 {
        assert!(made.body["details"].get("url").is_some(), "{url}: {made:?}");
        return;
    }
    assert_eq!(made.status, 201, "{url}: {made:?}");
    let tried = owner.post(&format!("{}/test", at(&made.body)), &json!({})).await;
    assert_eq!(tried.body["delivery"]["success"], false, "{url}: {tried:?}");
    assert_eq!(tried.body["delivery"]["response_status"], Value::Null, "{url}: {tried:?}");
    assert_eq!(owner.delete(&at(&made.body)).await.status, 204);
}

#[tokio::test]
async fn nothing_within_is_reached_however_it_is_written() {
    let (server, trap) = (TestServer::start().await, Trap::set().await);
    let owner = server.owner("acme").await;
    let port = trap.address.port();
    for host in HOSTS {
        is_not_reached(&owner, &format!("https://{host}:{port}/hook")).await;
    }
    for url in URLS {
        is_not_reached(&owner, &url.replace("PORT", &port.to_string())).await;
    }
    assert_eq!(trap.came().await, 0);
}

#[tokio::test]
async fn a_change_of_the_url_is_judged_as_a_new_one() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let made = create(&owner, &json!({ "url": "https://yourapp.example/hook" })).await;
    for host in ["127.0.0.1", "0x7f.1", "[::ffff:7f00:1]", "169.254.169.254"] {
        let changed = owner.patch(&at(&made), &json!({ "url": format!("https://{host}/hook") })).await;
        assert_eq!(changed.status, 422, "{host}: {changed:?}");
    }
    assert_eq!(owner.get(&at(&made)).await.body["url"], "https://yourapp.example/hook");
}

/// An endpoint may be reached, and sends whoever comes on to what may not.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_is_led_on_to_what_is_within() {
    let trap = Trap::set().await;
    let server = TestServer::start_with(|settings| {
        settings.private_targets = PrivateTargets::Networks(vec!["127.0.0.2/32".parse().unwrap()]);
    })
    .await;
    let owner = server.owner("acme").await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/hook", trap.address.port());
        let leads = Receiver::at("127.0.0.2:0", move |_| {
            Some((StatusCode::from_u16(status).unwrap(), [("location", location.clone())]).into_response())
        })
        .await;
        let made = create(&owner, &json!({ "url": leads.url() })).await;
        let tried = owner.post(&format!("{}/test", at(&made)), &json!({})).await;
        assert_eq!(
            (&tried.body["delivery"]["success"], &tried.body["delivery"]["response_status"]),
            (&json!(false), &json!(status)),
            "{tried:?}"
        );
        assert_eq!(leads.told().len(), 1);
    }
    // The network that is allowed is no way to another address of this machine.
    is_not_reached(&owner, &format!("http://127.0.0.1:{}/hook", trap.address.port())).await;
    assert_eq!(trap.came().await, 0);
}
