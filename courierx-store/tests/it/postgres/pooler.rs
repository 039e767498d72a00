//! Poolers in between: what they are told at the start of a connection, and what they lose later.

use std::time::Duration;

use courierx_core::store::{DepthQuery, Queue};
use courierx_store::postgres::{OpenError, PostgresOptions};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::support::{connect_options, schema};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The parameters of a start that a pooler knows; it refuses a connection that has others.
const KNOWN: [&str; 7] =
    ["user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone", "IntervalStyle"];

async fn upstream() -> Box<dyn Stream> {
    let options = connect_options("pooler");
    match options.get_socket() {
        Some(directory) => {
            Box::new(UnixStream::connect(directory.join(".s.PGSQL.5432")).await.unwrap()) as Box<dyn Stream>
        }
        None => Box::new(TcpStream::connect((options.get_host(), options.get_port())).await.unwrap()),
    }
}

/// A way to the database through a pooler that changes what clients say.
async fn through(change: fn(Vec<u8>) -> Vec<u8>) -> PgConnectOptions {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on(client, change));
        }
    });
    let direct = connect_options("pooler");
    // Made anew: there is no way to take a socket away.
    let pooled = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port)
        .username(direct.get_username())
        .ssl_mode(PgSslMode::Disable);
    direct.get_database().into_iter().fold(pooled, PgConnectOptions::database)
}

async fn pass_on(mut client: TcpStream, change: fn(Vec<u8>) -> Vec<u8>) {
    let mut start = vec![0; usize::try_from(client.read_u32().await.unwrap()).unwrap() - 4];
    client.read_exact(&mut start).await.unwrap();
    // A version, then names and values that end with a zero each.
    let mut words = start[4..].split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word));
    while let (Some(name), Some(_)) = (words.next(), words.next()) {
        if !name.is_empty() && !KNOWN.contains(&&*name) {
            let text = format!("SFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0");
            client.write_u8(b'E').await.unwrap();
            client.write_u32(u32::try_from(text.len() + 4).unwrap()).await.unwrap();
            client.write_all(text.as_bytes()).await.unwrap();
            return;
        }
    }
    let mut server = upstream().await;
    server.write_u32(u32::try_from(start.len() + 4).unwrap()).await.unwrap();
    server.write_all(&start).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut said = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut said).await {
        to_server.write_all(&change(said[..length].to_vec())).await.unwrap();
    }
    answers.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_is_told_nothing_that_it_does_not_know() {
    let options = PostgresOptions::new(through(|said| said).await).schema(schema());
    assert!(options.examine().await.unwrap().schema.is_due());
    options.open().await.unwrap().depth(&DepthQuery::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pooler_refuses_is_not_tried_again() {
    let connect = through(|said| said).await.options([("search_path", "elsewhere")]);
    let options = PostgresOptions::new(connect).schema(schema());
    for error in [options.examine().await.unwrap_err(), options.open().await.unwrap_err()] {
        assert!(!error.is_temporary() && matches!(error, OpenError::Database(_)), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_get_lost_are_noticed_before_anything_is_made() {
    // The same length, and a setting that means nothing.
    let lose = |said: Vec<u8>| {
        let text = String::from_utf8_lossy(&said);
        if text.contains("SET search_path") {
            text.replace("SET search_path", "SET search.path").into_bytes()
        } else {
            said
        }
    };
    let name = schema();
    let options = PostgresOptions::new(through(lose).await).schema(&name);
    let options = options.connect_timeout(Duration::from_hours(1));
    for error in [
        options.examine().await.unwrap_err(),
        options.migrate().await.unwrap_err(),
        options.open().await.unwrap_err(),
    ] {
        assert!(matches!(&error, OpenError::SettingsLost { name: of } if *of == name), "{error:?}");
        assert!(!error.is_temporary());
    }
}
