//! How many connections and endpoints of one tenant are tried out at once.

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{PATH, at, create, local, relay};
use crate::support::smtp_server::LOGIN;
use crate::support::{Client, SmtpServer};
use crate::webhook_endpoints;

/// Asks for a connection, and does not wait for it.
fn make(owner: &Client, body: Value) -> JoinHandle<()> {
    let owner = owner.clone();
    tokio::spawn(async move {
        owner.post(PATH, &body).await;
    })
}

#[tokio::test]
async fn servers_that_say_nothing_hold_up_nobody_but_who_named_them() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let (eve, ada) = (server.owner("eve").await, server.owner("ada").await);
    let good = create(&eve, &relay(&smtp)).await.body;
    let endpoint = webhook_endpoints::create(&eve, &json!({ "url": "http://127.0.0.1:9/hook" })).await;

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut body = relay(&smtp);
    body["smtp_port"] = json!(silent.local_addr().unwrap().port());
    let mut asking = Vec::new();
    for name in ["First", "Second"] {
        body["display_name"] = json!(name);
        asking.push(make(&eve, body.clone()));
    }
    let _kept_open = [silent.accept().await.unwrap(), silent.accept().await.unwrap()];
    // Who hangs up makes no room for more.
    asking.iter().for_each(JoinHandle::abort);
    assert_eq!(create(&ada, &relay(&smtp)).await.body["status"], "active");

    body["display_name"] = json!("Third");
    let moved = json!({ "smtp_host": "127.0.0.2", "api_key": LOGIN.0, "secret": LOGIN.1 });
    let (verify, test) =
        (format!("{}/verify", at(&good)), format!("{}/test", webhook_endpoints::at(&endpoint)));
    let (path, nothing) = (at(&good), json!({}));
    let (made, changed, verified, tested) = tokio::join!(
        eve.post(PATH, &body),
        eve.patch(&path, &moved),
        eve.post(&verify, &nothing),
        eve.post(&test, &nothing),
    );
    for refused in [made, changed, verified, tested] {
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (429, &json!("rate_limit_exceeded")),
            "{refused:?}"
        );
        assert_eq!(refused.headers["retry-after"], "5");
    }
    assert_eq!(eve.get(&path).await.body, good, "nothing was changed");
    assert_eq!(eve.get(PATH).await.body.as_array().unwrap().len(), 3, "nothing was made");
    // What does not try anything out waits for nothing.
    let weighted = eve.patch(&path, &json!({ "weight": 5 })).await;
    assert_eq!((weighted.status, &weighted.body["weight"]), (200, &json!(5)), "{weighted:?}");
}
