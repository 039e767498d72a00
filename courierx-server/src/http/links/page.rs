//! Pages on which recipients leave: without scripts, and readable by whatever reads them out.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::private;
use crate::error::ServiceError;
use crate::services::links::Leaving;

/// What a page may do: show itself, and send its form to where it came from.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem;color:#1a1a1a;\
    background:#fff}h1{font-size:1.5rem}button{font:inherit;padding:.6rem 1.2rem;border:1px solid #1a4fa3;border-radius:.3rem;\
    background:#1a4fa3;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #f0a000;outline-offset:2px}\
    .quiet{background:#fff;color:#1a4fa3}@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}\
    .quiet{background:#161616;color:#9cc2ff;border-color:#9cc2ff}}";

/// Asks whether somebody wants to leave.
pub(super) fn asked(leaving: &Leaving) -> Response {
    if leaving.subscription.left {
        return done(leaving);
    }
    let (what, who) = (what(leaving), who(leaving));
    let text = format!(
        "<h1>Unsubscribe?</h1><p>{who} will get no more {what}.</p>{}",
        form("unsubscribe", "Unsubscribe", "")
    );
    page(StatusCode::OK, "Unsubscribe", &text)
}

/// Tells how it stands.
pub(super) fn done(leaving: &Leaving) -> Response {
    let (what, who) = (what(leaving), who(leaving));
    let (title, text) = if leaving.subscription.left {
        let back = form("resubscribe", "Subscribe again", " class=\"quiet\"");
        ("Unsubscribed", format!("<p>{who} gets no more {what}.</p><p>That was a mistake?</p>{back}"))
    } else {
        let again = form("unsubscribe", "Unsubscribe", " class=\"quiet\"");
        ("Subscribed", format!("<p>{who} gets {what} again.</p>{again}"))
    };
    page(StatusCode::OK, title, &format!("<h1 role=\"status\">{title}</h1>{text}"))
}

/// Tells that nothing can be done.
pub(super) fn refused(error: &ServiceError) -> Response {
    let (status, title, text) = match error {
        ServiceError::NotFound => (
            StatusCode::NOT_FOUND,
            "This link does not work",
            "It is incomplete, or too old. Copy all of it from the message, or answer the message and ask its sender.",
        ),
        ServiceError::TooMany { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "Too many requests", "Please try again in a minute.")
        }
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a page for a recipient failed");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "That did not work",
                "Nothing was changed, or trying again is harmless. Please try again in a minute.",
            )
        }
    };
    page(status, title, &format!("<h1>{title}</h1><p>{text}</p>"))
}

/// Sends to where the page is from, whatever is in front of this server.
fn form(action: &str, label: &str, class: &str) -> String {
    format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"action\" value=\"{action}\"><button type=\"submit\"{class}>{label}</button></form>"
    )
}

fn what(leaving: &Leaving) -> String {
    let subscription = &leaving.subscription;
    let from = match &subscription.from_name {
        Some(name) => format!("{} ({})", escaped(name), escaped(subscription.from.as_str())),
        None => escaped(subscription.from.as_str()),
    };
    match &leaving.topic {
        Some(topic) => format!("“{}” mail from <strong>{from}</strong>", escaped(topic)),
        None => format!("mail from <strong>{from}</strong>"),
    }
}

/// The recipient, as they recognise it and others, to whom the message was passed on, do not learn it.
fn who(leaving: &Leaving) -> String {
    let address = leaving.subscription.recipient.as_str();
    let Some((local, domain)) = address.rsplit_once('@') else { return "You".to_owned() };
    let first: String = local.chars().take(1).collect();
    format!("<strong>{}…@{}</strong>", escaped(&first), escaped(domain))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    );
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, POLICY)];
    private((status, headers, html).into_response())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_senders_write_is_no_html() {
        assert_eq!(escaped("<b a='x'>&\""), "&lt;b a=&#39;x&#39;&gt;&amp;&quot;");
    }
}
