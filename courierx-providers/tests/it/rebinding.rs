//! Names that mean one address when they are judged, and another one a moment later.
#![cfg(target_os = "linux")]

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use courierx_providers::http::Http;
use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PUBLIC: &str = "127.0.0.2";
const WITHIN: &str = "127.0.0.1";
const WRAPPED: &str = "::ffff:127.0.0.1";

/// Answers, and counts who comes. It keeps no connection: each request looks its host up.
async fn listen(listener: TcpListener, came: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        came.fetch_add(1, Ordering::SeqCst);
        let mut request = [0; 4096];
        while !request.windows(6).any(|bytes| bytes == b"{body}") {
            if stream.read(&mut request).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
    }
}

#[tokio::test]
async fn the_address_that_was_judged_is_the_one_that_is_connected_to() {
    let public = TcpListener::bind((PUBLIC, 0)).await.unwrap();
    let port = public.local_addr().unwrap().port();
    let within = TcpListener::bind((WITHIN, port)).await.unwrap();
    let came = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let serving = tokio::spawn(listen(public, Arc::clone(&came[0])));
    tokio::spawn(listen(within, Arc::clone(&came[1])));

    // What the name means each time it is looked up, and whether anything was reached.
    let meanings: [(&[&str], bool); 6] = [
        (&[PUBLIC], true),
        (&[WITHIN], false),
        (&[WITHIN, PUBLIC], true),
        (&[PUBLIC, WITHIN], true),
        (&[WRAPPED, WITHIN], false),
        (&[PUBLIC, WITHIN], false),
    ];
    let asked = Arc::new(AtomicUsize::new(0));
    let lookups = Arc::clone(&asked);
    let http = Http::builder()
        .permit(|address| address == PUBLIC.parse::<IpAddr>().unwrap())
        .permit_plain(|_| true)
        .lookup(move |name| {
            assert_eq!(name, "app.example");
            let number = lookups.fetch_add(1, Ordering::SeqCst);
            async move { Ok(meanings[number].0.iter().map(|text| text.parse().unwrap()).collect()) }
        })
        .build()
        .unwrap();
    let url = format!("http://app.example:{port}/hook").parse().unwrap();
    for (number, (means, reached)) in meanings.into_iter().enumerate() {
        if number + 1 == meanings.len() {
            // It is gone, and what else the name means is no way out.
            serving.abort();
            while tokio::net::TcpStream::connect((PUBLIC, port)).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        let body = b"{body}".to_vec();
        let told = http.notify(&url, HeaderMap::new(), body, 100, Duration::from_secs(10)).await;
        assert_eq!(told.is_ok(), reached, "{means:?}: {told:?}");
        assert_eq!(asked.load(Ordering::SeqCst), number + 1, "each connection asks once");
    }
    assert_eq!(came[1].load(Ordering::SeqCst), 0, "what is within was reached");
}
