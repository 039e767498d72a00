//! The address to listen on, and who can reach it.

use std::io;
use std::net::TcpListener;

use super::super::open::listen_elsewhere;
use super::super::probe;
use super::{Finding, Level};
use crate::config::{PrivateTargets, Registration, Settings};

const ADDRESS: &str = "address";

/// Whether the port is free, or served by us already.
pub(super) async fn port(settings: &Settings) -> Finding {
    let address = settings.listen;
    let Err(error) = TcpListener::bind(address) else {
        return Finding::ok(ADDRESS, format!("{address} is free"));
    };
    if error.kind() == io::ErrorKind::AddrInUse
        && let Some((200, answer)) = probe::get(settings, "/health/live").await
        && answer["service"] == "courierx"
    {
        return Finding::ok(ADDRESS, format!("a CourierX server answers at {}", settings.local_url()));
    }
    let text = format!("cannot listen on {address}: {error}");
    Finding::problem(ADDRESS, text, listen_elsewhere(address, &error))
}

/// What others can do where others can reach it.
pub(super) fn exposure(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.listen.ip().to_canonical().is_loopback() {
        return findings;
    }
    if settings.registration == Registration::Open {
        findings.push(Finding::new(
            Level::Warning,
            "COURIERX_REGISTRATION",
            format!("whoever reaches {} can register and send", settings.listen),
            "if that is not meant: COURIERX_REGISTRATION=first",
        ));
    }
    if !settings.require_verified_domains && settings.registration == Registration::Open {
        findings.push(Finding::new(
            Level::Warning,
            "COURIERX_REQUIRE_VERIFIED_DOMAINS",
            "whoever registers can send as anybody whom their provider lets pass",
            "unless you know all who register: COURIERX_REQUIRE_VERIFIED_DOMAINS=true",
        ));
    }
    if settings.private_targets == PrivateTargets::All {
        findings.push(Finding::new(
            Level::Warning,
            "COURIERX_ALLOW_PRIVATE_TARGETS",
            "tenants can make the server connect to everything in its own network",
            "name the networks that they need: COURIERX_ALLOW_PRIVATE_TARGETS=10.1.0.0/16",
        ));
    }
    findings
}
