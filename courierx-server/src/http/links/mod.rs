//! `/t/…`: the links of ours in mail. Whoever has one may follow it; their paths hold tokens and are never logged.

mod page;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::json;

use super::Form;
use super::openapi::{Answers, Operation, Takes};
use crate::App;
use crate::error::ServiceError;
use crate::services::links::{self, Follower, Leaving};

/// An image of one transparent pixel.
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";
/// What a header cannot hold of an address.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');
/// Bytes of the form to leave, and of a request of a mailbox provider.
const FORM: usize = 4 * 1024;

/// The token in a path. Whether it is one, only its signature says.
#[derive(Debug)]
pub(super) struct Token(String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(text.map(|Path(text)| text).unwrap_or_default()))
    }
}

impl Takes for Token {
    fn tell(operation: &mut Operation) {
        operation.token();
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Follower {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self { user_agent: agent.map(str::to_owned), headless: parts.method == Method::HEAD })
    }
}

impl Takes for Follower {
    fn tell(_: &mut Operation) {}
}

/// What every answer here says: nobody keeps it, tells from where they came, or finds it by a search.
fn private(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The image that is fetched when a message is shown.
#[derive(Debug)]
pub(super) struct Image;

impl IntoResponse for Image {
    fn into_response(self) -> Response {
        private(([(header::CONTENT_TYPE, "image/gif")], GIF).into_response())
    }
}

impl Answers for Image {
    fn tell(operation: &mut Operation) {
        let image = json!({ "type": "string", "contentMediaType": "image/gif" });
        operation.answer(200, "An image, whatever the token is", Some(("image/gif", image)));
    }
}

/// The way on.
#[derive(Debug)]
pub(super) enum Onward {
    /// To where the link led.
    To(HeaderValue),
    /// Nowhere.
    Nowhere,
}

impl IntoResponse for Onward {
    fn into_response(self) -> Response {
        match self {
            Self::To(place) => private((StatusCode::FOUND, [(header::LOCATION, place)]).into_response()),
            Self::Nowhere => page::refused(&ServiceError::NotFound),
        }
    }
}

impl Answers for Onward {
    fn tell(operation: &mut Operation) {
        operation.answer(302, "Where the link leads", None);
        operation.answer(404, "Not a link of this server", Some(("text/html", json!({ "type": "string" }))));
    }
}

/// A page on which to leave.
#[derive(Debug)]
pub(super) struct Shown(Response);

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Shown {
    fn tell(operation: &mut Operation) {
        let html = || Some(("text/html", json!({ "type": "string" })));
        operation.answer(200, "A page", html());
        operation.answer(404, "Not a link of this server, or too old", html());
        operation.answer(429, "Too many changes", html());
        operation.answer(503, "Not at the moment", html());
    }
}

/// `GET /t/o/{token}`
pub(super) async fn open(State(app): State<Arc<App>>, Token(token): Token, by: Follower) -> Image {
    links::opened(&app, &token, by).await;
    Image
}

/// `GET /t/c/{token}`
pub(super) async fn click(State(app): State<Arc<App>>, Token(token): Token, by: Follower) -> Onward {
    let target = links::clicked(&app, &token, by).await;
    // A link may stand in a message with letters of any language.
    let place = target.map(|target| utf8_percent_encode(&target, UNSAFE).to_string());
    place.and_then(|place| HeaderValue::try_from(place).ok()).map_or(Onward::Nowhere, Onward::To)
}

/// `GET /t/u/{token}`
pub(super) async fn ask(State(app): State<Arc<App>>, Token(token): Token) -> Shown {
    answer(links::leaving(&app, &token).await, page::asked)
}

/// `POST /t/u/{token}`: of the page's form, or of a mailbox provider whose button was pressed (RFC 8058).
pub(super) async fn leave(State(app): State<Arc<App>>, Token(token): Token, Form(body): Form<FORM>) -> Shown {
    match wish(&body) {
        Wish::Leave => answer(links::leave(&app, &token).await, page::done),
        Wish::ComeBack => answer(links::come_back(&app, &token).await, page::done),
        Wish::Nothing => answer(links::leaving(&app, &token).await, page::asked),
    }
}

fn answer(leaving: Result<Leaving, ServiceError>, page: fn(&Leaving) -> Response) -> Shown {
    Shown(leaving.map_or_else(|error| page::refused(&error), |leaving| page(&leaving)))
}

/// What a body asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Leave,
    ComeBack,
    Nothing,
}

/// A mailbox provider may send its one field as a form of either kind (RFC 8058 §3.2), so it is looked for as a text.
fn wish(body: &[u8]) -> Wish {
    let body = String::from_utf8_lossy(body);
    match body.trim() {
        "action=unsubscribe" => Wish::Leave,
        "action=resubscribe" => Wish::ComeBack,
        body if body.contains("List-Unsubscribe") && body.contains("One-Click") => Wish::Leave,
        _ => Wish::Nothing,
    }
}

/// Whether a request may be for a host that has nothing but links.
pub(super) fn is_link(path: &str) -> bool {
    path.starts_with("/t/")
}

/// The host that a request names, without its port and the dot at the end that a complete name may have.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    // An address in brackets is no name of anybody's.
    let host = host.split(':').next().unwrap_or(host);
    Some(host.strip_suffix('.').unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_asks_for_one_thing() {
        let multipart =
            "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        for (body, expected) in [
            ("List-Unsubscribe=One-Click", Wish::Leave),
            (multipart, Wish::Leave),
            ("action=unsubscribe", Wish::Leave),
            ("action=resubscribe\r\n", Wish::ComeBack),
            ("", Wish::Nothing),
            ("action=other", Wish::Nothing),
        ] {
            assert_eq!(wish(body.as_bytes()), expected, "{body}");
        }
    }
}
