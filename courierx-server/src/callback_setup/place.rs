//! Where providers can call back.

use std::net::{IpAddr, Ipv4Addr};

use crate::App;
use crate::config::PublicUrl;
use crate::services::provider_connections::literal;

/// How the internet reaches this server, or what has to be set so that it does.
pub(crate) fn place(app: &App) -> Result<&PublicUrl, String> {
    let Some(url) = &app.settings.public_url else {
        let text = "nobody can call back: set COURIERX_PUBLIC_URL to how the internet reaches this server, such as \
             https://mail.example.com, and restart it";
        return Err(text.to_owned());
    };
    let guard = app.providers.guard();
    if address(url.host()).is_some_and(|address| !guard.permits(address)) {
        return Err(format!(
            "nobody on the internet can call back at {url}: set COURIERX_PUBLIC_URL to a public address, and restart \
             the server"
        ));
    }
    Ok(url)
}

/// The address of a host that needs no asking: one that is written down, or names that lead nowhere else.
fn address(host: &str) -> Option<IpAddr> {
    let is_here = ["localhost", "local", "internal"]
        .into_iter()
        .any(|end| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if is_here { Some(Ipv4Addr::LOCALHOST.into()) } else { literal(host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_its_network_are_known() {
        for (host, is_known) in [
            ("localhost", true),
            ("a.localhost", true),
            ("printer.local", true),
            ("10.0.0.1", true),
            ("[::1]", true),
            ("mail.example.com", false),
            ("notlocal", false),
        ] {
            assert_eq!(address(host).is_some(), is_known, "{host}");
        }
    }
}
