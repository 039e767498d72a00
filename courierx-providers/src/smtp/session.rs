//! One session with a server: from connecting to being ready for a transaction.

use std::net::SocketAddr;

use courierx_core::provider::{Refusal, RefusalKind};
use tokio::time::Instant;

use super::classify::{self, Step};
use super::config::{Config, Security};
use super::credentials::{Credentials, Secrets};
use super::reply::Reply;
use super::tls;
use super::wire::{Wire, WireError, within};

/// A session that is greeted, encrypted as configured, and logged in.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) features: Features,
    pub(super) encrypted: bool,
    /// Messages that it has carried.
    pub(super) carried: u32,
    /// Whether an unfinished transaction has to be reset before the next one.
    pub(super) unfinished: bool,
    pub(super) idle_since: Instant,
}

/// What the server said it can do (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// Whether it speaks SIZE (RFC 1870).
    pub(super) size: bool,
    /// The most bytes it takes, if it names a limit.
    pub(super) max_size: Option<usize>,
    pub(super) pipelining: bool,
    pub(super) smtputf8: bool,
    pub(super) starttls: bool,
    pub(super) auth_plain: bool,
    pub(super) auth_login: bool,
}

impl Features {
    fn of(reply: &Reply) -> Self {
        let mut features = Self::default();
        // The first line is the server's name.
        for line in reply.lines.iter().skip(1) {
            // Some old servers write `AUTH=LOGIN`.
            let line = line.to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
            let mut words = line.split_whitespace();
            match words.next() {
                Some("SIZE") => {
                    features.size = true;
                    features.max_size =
                        words.next().and_then(|size| size.parse().ok()).filter(|&size| size > 0);
                }
                Some("PIPELINING") => features.pipelining = true,
                Some("SMTPUTF8") => features.smtputf8 = true,
                Some("STARTTLS") => features.starttls = true,
                Some("AUTH") => {
                    for mechanism in words {
                        features.auth_plain |= mechanism == "PLAIN";
                        features.auth_login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        features
    }
}

/// A connection that failed before a body was sent: certainly nothing was handed over.
pub(super) fn unavailable(when: &str, error: &WireError) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, format!("{when}: {error}"))
}

fn misconfigured(detail: &str) -> Refusal {
    Refusal::new(RefusalKind::Auth, detail)
}

impl Session {
    /// Connects, greets, encrypts and logs in; each as far as it is configured.
    pub(super) async fn open(config: &Config) -> Result<Self, Refusal> {
        let unencrypted = config.security == Security::Plain;
        if unencrypted && config.credentials.is_some() && !config.allow_plain_credentials {
            return Err(misconfigured("credentials are not sent over a connection without TLS"));
        }
        let limits = config.timeouts;
        let tcp = config.connect.connect(&config.host, config.port, limits.connect).await;
        let tcp = tcp.map_err(|error| unavailable("connecting", &WireError::Io(error)))?;
        // Commands are small and each waits for its reply: Nagle's algorithm would only add to that.
        let _ = tcp.set_nodelay(true);
        let hello = match &config.hello_name {
            Some(name) => name.clone(),
            None => address_literal(tcp.local_addr().ok()),
        };
        let mut wire = Wire::new(Box::new(tcp), secrets(config));
        if config.security == Security::Implicit {
            wire = encrypt(wire, config).await?;
        }
        let greeting = wire.reply(limits.greeting).await.map_err(|error| unavailable("greeting", &error))?;
        expect(Step::Greeting, &greeting)?;
        let mut features = ehlo(&mut wire, &hello, config).await?;
        if config.security == Security::StartTls {
            // Never without: whoever removes the offer from the answer would read everything.
            if !features.starttls {
                return Err(misconfigured("the server does not offer STARTTLS, which is required"));
            }
            let reply = command(&mut wire, "STARTTLS", "STARTTLS", config).await?;
            expect(Step::StartTls, &reply)?;
            wire = encrypt(wire, config).await?;
            // What was said before TLS does not count (RFC 3207 §4.2).
            features = ehlo(&mut wire, &hello, config).await?;
        }
        if let Some(credentials) = &config.credentials {
            log_in(&mut wire, &features, credentials, config).await?;
        }
        Ok(Self {
            wire,
            features,
            encrypted: !unencrypted,
            carried: 0,
            unfinished: false,
            idle_since: Instant::now(),
        })
    }
}

async fn encrypt(wire: Wire, config: &Config) -> Result<Wire, Refusal> {
    let transport = wire.into_transport().map_err(|error| unavailable("TLS", &error))?;
    let handshake = async { Ok(tls::encrypt(transport, &config.host, &config.extra_roots).await?) };
    let encrypted = within(config.timeouts.connect, handshake).await;
    let wire = encrypted.map(|transport| Wire::new(transport, secrets(config)));
    wire.map_err(|error| unavailable("TLS", &error))
}

fn secrets(config: &Config) -> Option<Secrets> {
    config.credentials.as_ref().map(Credentials::secrets)
}

async fn ehlo(wire: &mut Wire, hello: &str, config: &Config) -> Result<Features, Refusal> {
    let reply = command(wire, "EHLO", &format!("EHLO {hello}"), config).await?;
    expect(Step::Greeting, &reply)?;
    Ok(Features::of(&reply))
}

/// Authenticates by PLAIN (RFC 4616), or else by LOGIN, which some servers have alone.
async fn log_in(
    wire: &mut Wire,
    features: &Features,
    credentials: &Credentials,
    config: &Config,
) -> Result<(), Refusal> {
    let mut reply = if features.auth_plain {
        command(wire, "AUTH", &format!("AUTH PLAIN {}", credentials.plain().as_str()), config).await?
    } else if features.auth_login {
        let mut reply = command(wire, "AUTH", "AUTH LOGIN", config).await?;
        for answer in credentials.login() {
            if reply.code == 334 {
                reply = command(wire, "AUTH", &answer, config).await?;
            }
        }
        reply
    } else {
        return Err(misconfigured("the server offers neither AUTH PLAIN nor AUTH LOGIN"));
    };
    credentials.name().scrub(&mut reply);
    expect(Step::Auth, &reply)
}

/// Sends a line and reads the reply. Errors name the step, never the line: it may be a credential.
async fn command(wire: &mut Wire, step: &str, line: &str, config: &Config) -> Result<Reply, Refusal> {
    let reply = wire.command(line, config.timeouts.command).await;
    reply.map_err(|error| unavailable(step, &error))
}

fn expect(step: Step, reply: &Reply) -> Result<(), Refusal> {
    if reply.is_positive() { Ok(()) } else { Err(classify::refusal(step, reply)) }
}

/// Our own address as a name for EHLO (RFC 5321 §4.1.3), for a client that was given none.
fn address_literal(local: Option<SocketAddr>) -> String {
    match local {
        Some(SocketAddr::V4(address)) => format!("[{}]", address.ip()),
        Some(SocketAddr::V6(address)) => format!("[IPv6:{}]", address.ip()),
        None => "[127.0.0.1]".to_owned(),
    }
}
