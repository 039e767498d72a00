//! Reads the values of settings.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use courierx_providers::Smtp;
use courierx_store::PostgresStore;
use courierx_store::postgres::{OpenError, PostgresOptions};
use ipnet::IpNet;
use tracing_subscriber::filter::Targets;

use super::loader::Parsed;
use super::{Database, PrivateTargets, TrustedProxies};

/// A year: no client repeats a request after that.
const MAX_TTL: u64 = 365 * 24 * 60 * 60;
/// More deliveries at once than any process bears.
const MAX_WORKERS: usize = 10_000;
/// A lease in seconds: a shorter one could end while a busy process still means to extend it, and after a longer one
/// nobody believes any more that the messages of a process that died are delivered.
const LEASE: RangeInclusive<u64> = 5..=600;
/// More connections than any server of PostgreSQL should have from one process.
const MAX_POOL: u32 = 1000;
/// Requests a minute: more is no limit that anything here reaches.
/// Megabytes of answers.
const MAX_ANSWER_CACHE: usize = 1024;
pub(crate) const MAX_RATE_LIMIT: u32 = 1_000_000;
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

pub(super) fn port(text: &str) -> Parsed<u16> {
    text.parse().map_err(|_| "must be a port, 0 to 65535".to_owned())
}

pub(super) fn address(text: &str) -> Parsed<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inner.parse().map_err(|_| "must be an IP address: 127.0.0.1, 0.0.0.0, ::1 or ::".to_owned())
}

/// A DNS server: an address, perhaps with a port.
pub(super) fn dns_server(text: &str) -> Parsed<SocketAddr> {
    let with_port = text.parse().ok();
    let address = with_port.or_else(|| address(text).ok().map(|address| SocketAddr::new(address, 53)));
    address.ok_or_else(|| {
        "must be an IP address, with a port if that is not 53: 192.168.1.53, [::1]:5353".to_owned()
    })
}

pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn workers(text: &str) -> Parsed<usize> {
    let workers = text.parse().ok().filter(|workers| *workers <= MAX_WORKERS);
    workers.ok_or_else(|| format!("must be a whole number, 0 to {MAX_WORKERS}"))
}

pub(super) fn rate_limit(text: &str) -> Parsed<u32> {
    let requests = text.parse().ok().filter(|requests| *requests <= MAX_RATE_LIMIT);
    requests.ok_or_else(|| format!("must be a number of requests, 0 to {MAX_RATE_LIMIT}"))
}

pub(super) fn answer_cache(text: &str) -> Parsed<usize> {
    let megabytes = text.parse().ok().filter(|megabytes| *megabytes <= MAX_ANSWER_CACHE);
    let wrong = || format!("must be a number of megabytes, 0 to {MAX_ANSWER_CACHE}");
    megabytes.map(|megabytes: usize| megabytes * super::MEGABYTE).ok_or_else(wrong)
}

pub(super) fn ttl(text: &str) -> Parsed<Duration> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_TTL).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("must be a number of seconds, 1 to {MAX_TTL}"))
}

/// Days that content is kept.
pub(super) fn content_days(text: &str) -> Parsed<u16> {
    days(text, 0..=30)
}

/// Days that messages are kept.
pub(super) fn message_days(text: &str) -> Parsed<u16> {
    days(text, 1..=3650)
}

fn days(text: &str, allowed: RangeInclusive<u16>) -> Parsed<u16> {
    let days = text.parse().ok().filter(|days| allowed.contains(days));
    days.ok_or_else(|| format!("must be a number of days, {} to {}", allowed.start(), allowed.end()))
}

pub(super) fn lease(text: &str) -> Parsed<Duration> {
    let seconds = text.parse().ok().filter(|seconds| LEASE.contains(seconds));
    let wrong = || format!("must be a number of seconds, {} to {}", LEASE.start(), LEASE.end());
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// One of several names.
pub(super) fn named<T: FromStr<Err = courierx_core::UnknownName>>(text: &str) -> Parsed<T> {
    text.to_ascii_lowercase()
        .parse()
        .map_err(|error: courierx_core::UnknownName| format!("must be one of: {}", error.expected))
}

pub(super) fn database(text: &str) -> Parsed<Database> {
    let text = text.trim();
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if ["postgres", "postgresql"].contains(&scheme.as_str()) {
        return postgres(text);
    }
    let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) else {
        return Err(
            "must be sqlite:// and the path of a file, or postgres:// and where a database is".to_owned()
        );
    };
    if path.contains('?') {
        return Err("must be sqlite:// and the path of a file, without options after a `?`".to_owned());
    }
    if path.is_empty() || path.ends_with('/') || path == ":memory:" {
        return Err("must name a file: a database in memory would lose accepted mail".to_owned());
    }
    Ok(Database::Sqlite(PathBuf::from(path)))
}

/// The error of a URL is not told: it may repeat a part of a password. That of a parameter does not.
fn postgres(url: &str) -> Parsed<Database> {
    let options = url.split_once('?').map_or("", |(_, options)| options);
    if options.split('&').any(|option| option.starts_with("schema=")) {
        return Err("must not name a schema; set DATABASE_SCHEMA".to_owned());
    }
    match PostgresStore::options(url) {
        Ok(options) => Ok(Database::Postgres(Box::new(options))),
        Err(OpenError::UnknownParameter { name, nearest }) => {
            Err(format!("has a parameter {name:?}, which means nothing; did you mean {nearest:?}?"))
        }
        Err(_) => Err("must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, in which a password has `@`, `:`, `/`, `#` \
                       and the like as `%40`, `%3A`, `%2F`, `%23`"
            .to_owned()),
    }
}

pub(super) fn schema(name: &str) -> Parsed<String> {
    PostgresOptions::check_schema(name).map_err(|_| {
        "must be lower-case letters, digits and underscores, at most 63, and begin with no digit and no pg_".to_owned()
    })?;
    Ok(name.to_owned())
}

pub(super) fn pool_size(text: &str) -> Parsed<NonZeroU32> {
    let size = text.parse().ok().filter(|size: &NonZeroU32| size.get() <= MAX_POOL);
    size.ok_or_else(|| format!("must be a whole number, 1 to {MAX_POOL}"))
}

pub(super) fn private_targets(text: &str) -> Parsed<PrivateTargets> {
    match boolean(text) {
        Ok(true) => return Ok(PrivateTargets::All),
        Ok(false) => return Ok(PrivateTargets::None),
        Err(_) => {}
    }
    networks(text)
        .map(PrivateTargets::Networks)
        .ok_or_else(|| "must be true, false, or networks and addresses separated by commas".to_owned())
}

pub(super) fn trusted_proxies(text: &str) -> Parsed<TrustedProxies> {
    networks(text).and_then(TrustedProxies::new).ok_or_else(|| {
        "must be networks and addresses of proxies, separated by commas, and not all of the internet"
            .to_owned()
    })
}

/// Networks and addresses, at least one.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network = |part: &str| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let networks: Option<Vec<IpNet>> = parts.map(network).collect();
    networks.filter(|networks| !networks.is_empty())
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    // To the filter a lone word that is no level is the name of a module, and everything else falls silent.
    let is_level = |part: &str| LEVELS.contains(&part.to_ascii_lowercase().as_str());
    let is_right = |part: &&str| match part.split_once('=') {
        // What looks like a condition on a span would be a module that nothing is in.
        Some((module, level)) => is_level(level.trim()) && !module.contains(['[', '{']),
        None => is_level(part),
    };
    if parts.is_empty() || !parts.iter().all(is_right) {
        return Err(format!("must be one of {}, or a list of those by module", LEVELS.join(", ")));
    }
    let text = parts.join(",").replace(' ', "");
    text.parse::<Targets>().map_err(|error| format!("must be levels by module: {error}"))?;
    Ok(text)
}

/// The certificates of a PEM file, checked.
pub(super) fn certificates(path: &str) -> Parsed<String> {
    let pem = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    match Smtp::starttls("localhost").root_certificate_pem(&pem) {
        Ok(_) => Ok(pem),
        Err(_) => Err("must be the path of a PEM file with certificates".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_file_or_a_server() {
        let path = |text: &str| {
            database(text).map(|database| match database {
                Database::Sqlite(path) => path.display().to_string(),
                Database::Postgres(options) => options.place(),
            })
        };
        assert_eq!(path("sqlite://mail.db").unwrap(), "mail.db");
        assert_eq!(path("sqlite:///var/lib/mail.db").unwrap(), "/var/lib/mail.db");
        assert_eq!(path("sqlite:data/mail.db").unwrap(), "data/mail.db");
        assert_eq!(path("postgres://user:hunter2@db/mail").unwrap(), "db:5432/mail, schema courierx");
        assert_eq!(path("postgresql://db:5433/mail").unwrap(), "db:5433/mail, schema courierx");
        for (wrong, why) in [
            ("postgres://user:hunter2@db:hunter2/courierx", "must be postgres://USER"),
            ("postgres://user:hunter2@db/courierx?schema=mail", "set DATABASE_SCHEMA"),
            ("postgres://user:hunter2@db/courierx?sslmod=hunter2", "did you mean \"sslmode\"?"),
            ("postgres://user:5?hunter2@db/courierx", "must be postgres://USER"),
            ("POSTGRES:hunter2", "must be postgres://USER"),
            ("mysql://db", "must be sqlite://"),
            ("mail.db", "must be sqlite://"),
            ("sqlite://mail.db?mode=rwc", "without options"),
            ("sqlite://", "must name a file"),
            ("sqlite::memory:", "must name a file"),
        ] {
            let error = path(wrong).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{wrong}: {error}");
        }
    }

    #[test]
    fn private_targets_are_networks_addresses_all_or_none() {
        assert_eq!(private_targets("yes").unwrap(), PrivateTargets::All);
        assert_eq!(private_targets("off").unwrap(), PrivateTargets::None);
        let networks = ["10.0.0.0/8", "192.168.1.5/32", "fd00::/8"].map(|one| one.parse().unwrap());
        let listed = private_targets("10.0.0.0/8, 192.168.1.5,fd00::/8").unwrap();
        assert_eq!(listed, PrivateTargets::Networks(networks.to_vec()));
        for wrong in ["10.0.0.0/33", "localhost", ",", "true,10.0.0.0/8"] {
            assert!(private_targets(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn proxies_are_networks_and_never_everybody() {
        let trusted = trusted_proxies("10.0.0.0/8, 2001:db8::/32,192.0.2.1").unwrap();
        for (address, expected) in [
            ("10.1.2.3", true),
            ("2001:db8::1", true),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(trusted.include(address.parse().unwrap()), expected, "{address}");
        }
        for wrong in ["", ",", "nginx", "10.0.0.0/33", "true", "0.0.0.0/0", "127.0.0.1,::/0", "10.0.0.1:443"]
        {
            assert!(
                trusted_proxies(wrong).unwrap_err().contains("networks and addresses of proxies"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_misspelt_level_does_not_silence_the_log() {
        for right in ["info", "WARN", "off", "info,courierx=debug", "courierx_core=trace, warn"] {
            assert!(log_filter(right).is_ok(), "{right}");
            assert!(!log_filter(right).is_ok_and(|filter| filter.contains(' ')), "{right}");
        }
        for wrong in ["warning", "verbose", "info,debgu", "courierx=loud", "", "courierx=info=debug"] {
            assert!(log_filter(wrong).is_err(), "{wrong}");
        }
        for wrong in ["courierx[span]=info", "info,courierx[{id}]=debug", "[span]=info"] {
            assert!(log_filter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_limits() {
        assert_eq!(workers("0"), Ok(0));
        assert!(workers("10001").is_err() && workers("-1").is_err() && workers("many").is_err());
        assert_eq!(ttl("60"), Ok(Duration::from_mins(1)));
        assert!(pool_size("0").is_err() && pool_size("1001").is_err() && pool_size("1").is_ok());
        assert_eq!(lease("5"), Ok(Duration::from_secs(5)));
        assert!(lease("4").is_err() && lease("601").is_err() && lease("600").is_ok() && lease("1m").is_err());
        assert!(ttl("0").is_err() && ttl("31536001").is_err());
        assert_eq!((content_days("0"), content_days("30"), message_days("3650")), (Ok(0), Ok(30), Ok(3650)));
        assert!(content_days("31").is_err() && content_days("-1").is_err() && message_days("0").is_err());
        assert_eq!((rate_limit("0"), rate_limit("1000000")), (Ok(0), Ok(1_000_000)));
        assert!(rate_limit("1000001").is_err() && rate_limit("-1").is_err());
        assert_eq!((answer_cache("0"), answer_cache("2")), (Ok(0), Ok(2 << 20)));
        assert!(answer_cache("1025").is_err() && answer_cache("8 MB").is_err());
        assert_eq!(port("0"), Ok(0));
        assert!(port("65536").is_err());
        assert_eq!(address("[::1]").unwrap().to_string(), "::1");
        assert!(address("localhost").is_err());
        for (text, server) in
            [("192.0.2.1", "192.0.2.1:53"), ("::1", "[::1]:53"), ("[::1]:5353", "[::1]:5353")]
        {
            assert_eq!(dns_server(text).unwrap().to_string(), server);
        }
        assert!(dns_server("ns.example").is_err() && dns_server("1.2.3.4:99999").is_err());
    }
}
