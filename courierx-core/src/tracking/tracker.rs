//! What makes a message countable: links of ours in its body, and the headers by which recipients leave.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::html::rewrite;
use super::token::{Link, LinkKeys, LinkKind};
use crate::id::{MessageId, TenantId};
use crate::message::{Email, Header, HeaderValue, Lane, TrackedBy, Tracking, Unsubscribe};
use crate::provider::Content;

/// The variable that a template shows as the link to leave by.
pub const UNSUBSCRIBE_URL: &str = "unsubscribe_url";
/// The header that names where to leave (RFC 2369 §3.2).
const LIST_UNSUBSCRIBE: &str = "List-Unsubscribe";
/// The header that says that one request without a question is enough (RFC 8058 §3.1).
const LIST_UNSUBSCRIBE_POST: (&str, &str) = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");

/// Counts openings and clicks, and lets recipients leave, over addresses below one of ours: `/t/o/…`, `/t/c/…` and
/// `/t/u/…`.
#[derive(Clone)]
pub struct Tracker {
    base: Arc<str>,
    keys: LinkKeys,
    hosts: Option<Arc<dyn LinkHosts>>,
}

/// Which addresses links have: a domain may have a host of its own for them.
#[async_trait]
pub trait LinkHosts: fmt::Debug + Send + Sync {
    /// The base address for links in mail of this tenant from this domain; none where it is the tracker's.
    async fn base(&self, tenant: TenantId, from_domain: &str) -> Option<String>;
}

/// Not an address to put links below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a server, such as https://mail.example.com")]
pub struct InvalidBase;

impl Tracker {
    /// Puts links below this address, which leads to whoever serves them: `https://mail.example.com`.
    pub fn new(base: &str, keys: LinkKeys) -> Result<Self, InvalidBase> {
        Ok(Self { base: checked(base)?.into(), keys, hosts: None })
    }

    /// Asks for the addresses of domains that have their own.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Arc<dyn LinkHosts>) -> Self {
        self.hosts = Some(hosts);
        self
    }

    /// Below which address the links of a message are.
    pub(crate) async fn base_for(&self, tenant: TenantId, email: &Email) -> Arc<str> {
        let Some(hosts) = self.hosts.as_ref().filter(|_| Wish::of(email).is_any()) else {
            return Arc::clone(&self.base);
        };
        let own = hosts.base(tenant, email.from().address().domain()).await;
        own.and_then(|own| checked(&own).ok().map(Arc::from)).unwrap_or_else(|| Arc::clone(&self.base))
    }

    /// The tracker for one message, whose links are below this address.
    pub(crate) fn message(
        &self,
        base: Arc<str>,
        tenant: TenantId,
        message: MessageId,
        email: &Email,
    ) -> Marker {
        let wish = Wish::of(email);
        let recipient = (email.recipient_count() == 1).then_some(0);
        Marker { base, keys: self.keys.clone(), tenant, message, recipient, wish }
    }

    /// The address below which links are where no domain has its own.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What signs the links.
    pub fn keys(&self) -> &LinkKeys {
        &self.keys
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").field("base", &self.base).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What a message wants of a tracker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    opens: bool,
    clicks: bool,
    /// To be left, and with which headers.
    leave: Option<Leave>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Leave {
    unsubscribe: Unsubscribe,
    /// Where the message names an address of its own, nothing is added to its headers.
    headers: bool,
}

impl Wish {
    pub(crate) fn of(email: &Email) -> Self {
        let ours = email.tracked_by() == TrackedBy::CourierX;
        let asked = |what: Option<bool>| ours && what == Some(true);
        let headers = email.headers().get(LIST_UNSUBSCRIBE).is_none();
        let leave = match email.unsubscribe() {
            Some(Unsubscribe::No) => None,
            Some(asked @ Unsubscribe::Yes(_)) => Some(Leave { unsubscribe: asked.clone(), headers }),
            // What is sent to many can be left, without anybody thinking of it.
            None => (email.lane() == Lane::Bulk && email.recipient_count() == 1 && headers)
                .then_some(Leave { unsubscribe: Unsubscribe::Yes(None), headers }),
        };
        let Tracking { opens, clicks } = email.tracking();
        Self { opens: asked(opens), clicks: asked(clicks), leave }
    }

    fn is_any(&self) -> bool {
        self.opens || self.clicks || self.leave.is_some()
    }
}

/// Whether a message cannot be made without a tracker: it asks for what only a tracker does.
pub(crate) fn needs_tracker(email: &Email) -> bool {
    let wish = Wish::of(email);
    wish.opens || wish.clicks || matches!(email.unsubscribe(), Some(Unsubscribe::Yes(_)))
}

/// Whether a tracker gives a message a link to leave by, which its template may show.
pub fn offers_to_leave(email: &Email) -> bool {
    Wish::of(email).leave.is_some()
}

/// Makes one message countable.
#[derive(Debug)]
pub(crate) struct Marker {
    base: Arc<str>,
    keys: LinkKeys,
    tenant: TenantId,
    message: MessageId,
    recipient: Option<u32>,
    wish: Wish,
}

impl Marker {
    fn address(&self, path: &str, kind: LinkKind) -> String {
        let link = Link { tenant: self.tenant, message: self.message, recipient: self.recipient, kind };
        format!("{}/t/{path}/{}", self.base, self.keys.sign(&link))
    }

    /// Where the recipient leaves, if the message can be left.
    pub(crate) fn unsubscribe_url(&self) -> Option<String> {
        let topic = self.wish.leave.as_ref()?.unsubscribe.topic().cloned();
        Some(self.address("u", LinkKind::Unsubscribe { topic }))
    }

    /// The content with links of ours. The same content becomes the same bytes.
    pub(crate) fn mark(&self, content: Content) -> Content {
        if !self.wish.is_any() {
            return content;
        }
        let email = content.email().clone();
        let changes = self.wish.opens || self.wish.clicks;
        let html = content.html().filter(|_| changes).map(|html| self.body(html, &email));
        let mut headers = email.headers().clone();
        if let Some(url) = self.unsubscribe_url()
            && self.wish.leave.as_ref().is_some_and(|leave| leave.headers)
        {
            let (post, one_click) = LIST_UNSUBSCRIBE_POST;
            let made = [(LIST_UNSUBSCRIBE, format!("<{url}>")), (post, one_click.to_owned())];
            for (name, value) in made {
                // Both are short, and no names of ours.
                if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
                    headers.add_own(Header { name, value });
                }
            }
        }
        content.tracked(html, headers)
    }

    fn body(&self, html: &str, email: &Email) -> String {
        let ours = format!("{}/t/u/", self.base);
        let theirs = email.headers().get(LIST_UNSUBSCRIBE).map(HeaderValue::as_str);
        let lead = |target: &str| {
            let leaves = target.starts_with(&ours)
                || theirs.is_some_and(|theirs| theirs.contains(&format!("<{target}>")));
            (self.wish.clicks && !leaves)
                .then(|| self.address("c", LinkKind::Click { target: target.to_owned() }))
        };
        let image = self.wish.opens.then(|| {
            let url = self.address("o", LinkKind::Open);
            format!("<img src=\"{url}\" width=\"1\" height=\"1\" alt=\"\" border=\"0\" style=\"display:block;height:1px;width:1px;border:0\">")
        });
        rewrite(html, lead, image.as_deref()).html.into_owned()
    }
}

/// An address of a server without the slash at its end, of characters that mean nothing in HTML.
fn checked(base: &str) -> Result<&str, InvalidBase> {
    let base = base.trim_end_matches('/');
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://")).ok_or(InvalidBase)?;
    let is_plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '/' | '_' | '~' | '%' | '[' | ']')
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || !rest.chars().all(is_plain) { Err(InvalidBase) } else { Ok(base) }
}
