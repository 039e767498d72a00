//! Whether a host that a tenant wants in links leads to this server.

use std::time::Duration;

use crate::App;
use crate::model::domains::{Domain, TrackingHost};

/// How long this server may take to answer under another name.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the answer that is looked for: an image of some dozens.
const MOST: usize = 1024;

/// The host by which the internet reaches this server.
pub(super) fn public_host(app: &App) -> Option<&str> {
    app.settings.public_url.as_ref().map(crate::config::PublicUrl::host)
}

/// What a look at a host found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Led {
    /// Links may have it.
    Here,
    /// They must not.
    Elsewhere(String),
    /// Nobody knows at the moment; it stays as it was.
    Unknown(String),
}

/// Whether the domain's host leads here; none if it has none.
pub(super) async fn look(app: &App, domain: &Domain) -> Option<Led> {
    let tracking = domain.tracking.as_ref()?;
    let Some(url) = &app.settings.public_url else {
        return Some(Led::Elsewhere("COURIERX_PUBLIC_URL is not set any more".to_owned()));
    };
    let (host, target) = (tracking.host.as_str(), url.host());
    match app.dns.cname(host).await {
        Ok(Some(found)) if found == target => {}
        Ok(Some(_)) => {
            return Some(Led::Elsewhere(format!("it is another name for something else than {target}")));
        }
        Ok(None) => return Some(Led::Elsewhere(format!("there is no CNAME record that leads to {target}"))),
        Err(error) => return Some(Led::Unknown(format!("{error}; it is asked again"))),
    }
    if !url.is_https() {
        return Some(Led::Here);
    }
    // A browser would refuse what has no certificate, and all links with it. Any token gets the image.
    let image = format!("{}/t/o/-", url.with_host(host));
    Some(match app.providers.files().fetch(&image, MOST, PATIENCE).await {
        Ok(answer) if answer.content_type.as_deref() == Some("image/gif") => Led::Here,
        Ok(_) => Led::Unknown("it leads to this server, and something else answers there".to_owned()),
        Err(error) => Led::Unknown(format!(
            "it leads to this server, which does not answer there by https yet: {error}. The operator has to get a \
             certificate for it"
        )),
    })
}

/// Takes note of what was found.
pub(super) fn note(tracking: &mut TrackingHost, app: &App, led: &Led) {
    if let Some(target) = public_host(app) {
        target.clone_into(&mut tracking.target);
    }
    match led {
        Led::Here => {
            tracking.verified_at.get_or_insert(app.now());
            tracking.error = None;
        }
        Led::Elsewhere(problem) => {
            tracking.verified_at = None;
            tracking.error = Some(problem.clone());
        }
        Led::Unknown(problem) => tracking.error = Some(problem.clone()),
    }
}
