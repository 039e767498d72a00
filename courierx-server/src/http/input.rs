//! Bodies of requests.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use hyper::body::Body as _;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::ApiError;
use crate::error::{ServiceError, ServiceResult};

/// How long a body may take to arrive; the listener puts it into every request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience(pub(super) Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// What a request's body is read as.
pub trait Input: DeserializeOwned {
    /// How many bytes it may have.
    const MAX_BYTES: usize = 64 * 1024;

    /// Which fields something new has to have, where the same input also says what changes of an old one.
    const NEEDED: &'static [&'static str] = &[];
}

/// A body in JSON, whatever its content type says: nothing here is sent by a browser's form.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: Input> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let patience = request.extensions().get::<Patience>().copied().unwrap_or_default();
        let bytes = read(request.into_body(), T::MAX_BYTES, patience).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// A body in JSON in which all has to be that is [needed](Input::NEEDED): of something new. The service looks for it; this
/// tells the document.
#[derive(Debug)]
pub struct New<T>(pub T);

impl<S: Send + Sync, T: Input> FromRequest<S> for New<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Json::from_request(request, state).await.map(|Json(input)| Self(input))
    }
}

/// A body in JSON that need not be there.
#[derive(Debug)]
pub struct MaybeEmpty<T>(pub T);

impl<S: Send + Sync, T: Input + Default> FromRequest<S> for MaybeEmpty<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let patience = request.extensions().get::<Patience>().copied().unwrap_or_default();
        let bytes = read(request.into_body(), T::MAX_BYTES, patience).await?;
        Ok(Self(if bytes.is_empty() { T::default() } else { parse(&bytes)? }))
    }
}

/// A body that is a table of at most so many bytes, whatever its content type says.
#[derive(Debug)]
pub struct Table<const MAX: usize>(pub Bytes);

impl<S: Send + Sync, const MAX: usize> FromRequest<S> for Table<MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let patience = request.extensions().get::<Patience>().copied().unwrap_or_default();
        Ok(Self(read(request.into_body(), MAX, patience).await?))
    }
}

/// A form of at most so many bytes, as it was sent.
#[derive(Debug)]
pub(super) struct Form<const MAX: usize>(pub(super) Bytes);

impl<S: Send + Sync, const MAX: usize> FromRequest<S> for Form<MAX> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let patience = request.extensions().get::<Patience>().copied().unwrap_or_default();
        Ok(Self(read(request.into_body(), MAX, patience).await?))
    }
}

/// A request whose body is not read yet: whose it is decides whether it will be.
#[derive(Debug)]
pub struct Unread(Request);

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request))
    }
}

impl Unread {
    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// What stands behind the question mark.
    pub fn query(&self) -> &str {
        self.0.uri().query().unwrap_or_default()
    }

    /// Its body, of at most so many bytes.
    pub async fn read(self, max: usize) -> ServiceResult<Bytes> {
        let patience = self.0.extensions().get::<Patience>().copied().unwrap_or_default();
        read(self.0.into_body(), max, patience).await
    }
}

/// Reads a body to its end, within its size and time.
async fn read(body: Body, max: usize, Patience(patience): Patience) -> ServiceResult<Bytes> {
    // One that says how large it is need not come first.
    if body.size_hint().lower() > max as u64 {
        return Err(ServiceError::TooLarge { max });
    }
    let whole = tokio::time::timeout(patience, Limited::new(body, max).collect());
    match whole.await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(ServiceError::TooLarge { max })
        }
        Ok(Err(_)) => Err(ServiceError::BadRequest("the body could not be read".to_owned())),
        Err(_) => Err(ServiceError::TooSlow),
    }
}

/// Reads JSON; an error names the field.
pub(in crate::http) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ServiceResult<T> {
    // Also in what serde would skip.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(ServiceError::BadRequest("the body is not valid UTF-8".to_owned()));
    };
    // Serde would read an array as the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(ServiceError::BadRequest("the body must be a JSON object".to_owned()));
    }
    // The way to a wrong field is found in a second reading, so that right ones do not pay for it.
    serde_json::from_str(text).map_err(|error| explain::<T>(text, &error))
}

fn explain<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> ServiceError {
    if text.is_empty() {
        return ServiceError::BadRequest("the body is empty; it must be a JSON object".to_owned());
    }
    // A number where a name is expected is called an error of syntax.
    if !error.is_data() && serde_json::from_str::<IgnoredAny>(text).is_err() {
        return ServiceError::BadRequest(format!("the body is not valid JSON: {error}"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => {
            let (field, inner) = (error.path().to_string(), error.into_inner());
            ServiceError::field(
                if field == "." { "body".to_owned() } else { short(&field) },
                describe(&inner),
            )
        }
        Ok(_) => ServiceError::BadRequest(format!("the body is not what is expected: {error}")),
    }
}

/// The way to a field, in which a client may have made up names: not endless, and on one line.
fn short(field: &str) -> String {
    const CHARS: usize = 80;
    let mut short: String = field.chars().take(CHARS).flat_map(char::escape_debug).collect();
    if field.chars().nth(CHARS).is_some() {
        short.push('…');
    }
    short
}

/// What is wrong with a value. `invalid type: string "secret", expected u16` repeats the value, which may be a
/// password: only what was expected is told.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("must be {}", in_words(expected)),
        None if text == "expected value" => "must be a string".to_owned(),
        None => text.to_owned(),
    }
}

/// What a type of ours is called by people.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Example {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[expect(dead_code, reason = "only read")]
        ports: Option<Vec<u16>>,
    }

    #[test]
    fn an_error_names_the_field_and_never_repeats_the_value() {
        let explain = |body: &str| match parse::<Example>(body.as_bytes()).unwrap_err() {
            ServiceError::Invalid(fields) => format!("{} {}", fields[0].field, fields[0].message),
            other => other.to_string(),
        };
        assert_eq!(explain(r#"{"name": 1}"#), "name must be a string");
        assert_eq!(
            explain(r#"{"name": "a", "ports": [1, "hunter2"]}"#),
            "ports[1] must be a whole number, 0 or more"
        );
        assert_eq!(explain("{}"), "body missing field `name`");
        assert_eq!(explain(" []"), "the body must be a JSON object");
        assert!(explain("{\"name\"").starts_with("the body is not valid JSON: EOF"));
        assert!(explain("").starts_with("the body is empty"));
    }
}
