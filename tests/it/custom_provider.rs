//! The provider of the guide passes the suite that every provider passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::conformance::{Fate, Harness, Meeting};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[path = "../../examples/custom_provider.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example stands for itself")]
mod example;

use example::Gateway;

const TOKEN: &str = "s3cret";

/// A gateway that knows everybody but `nobody`, and takes the messages it counts.
async fn serve(listener: TcpListener, taken: Arc<AtomicUsize>, answers: bool) {
    while let Ok((stream, _)) = listener.accept().await {
        // One after the other is enough, and nothing is left running.
        let _ = take(stream, &taken, answers).await;
    }
}

async fn take(stream: TcpStream, taken: &AtomicUsize, answers: bool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(());
    }
    let request: serde_json::Value = serde_json::from_str(&line)?;
    let answer = if request["token"] != TOKEN {
        "bad-token\n"
    } else if request["check"] == true {
        "ok\n"
    } else if request["recipients"].to_string().contains("nobody") {
        "unknown-user nobody\n"
    } else {
        taken.fetch_add(1, Ordering::SeqCst);
        "ok 17\n"
    };
    if answers {
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

struct GatewayHarness;

#[async_trait]
impl Harness for GatewayHarness {
    async fn meet(&self, fate: Fate) -> Option<Meeting> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let count = Arc::new(AtomicUsize::new(0));
        let answers = fate != Fate::AnswerLost;
        let token = if fate == Fate::CredentialsRefused { "wrong" } else { TOKEN };
        match fate {
            // Nobody is there once the listener is dropped.
            Fate::PeerUnreachable => drop(listener),
            Fate::Accepted | Fate::RecipientRefused | Fate::AnswerLost | Fate::CredentialsRefused => {
                drop(tokio::spawn(serve(listener, Arc::clone(&count), answers)));
            }
            // What this peer never does. We speak first, so one that says nothing has the message all the same.
            _ => return None,
        }
        let provider = Gateway::new(address, token).patience(Duration::from_secs(5));
        let meeting = Meeting::new(provider).secret(token).taken(move || count.load(Ordering::SeqCst));
        Some(if fate == Fate::RecipientRefused { meeting.recipient("nobody@example.com") } else { meeting })
    }
}

mod suite {
    courierx::provider_conformance!(super::GatewayHarness);
}
