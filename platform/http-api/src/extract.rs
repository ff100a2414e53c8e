//! Extractors whose rejections are problems that name every wrong, missing or unknown field they can name. Own nothing;
//! a body is read up to `http.max_body_bytes` and dropped with its request.

use crate::problem::{FieldError, Problem};
use crate::state::AppState;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use job_model::{BlobHash, JobId, NodeId, TaskId};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use std::str::FromStr;

/// Digits of an id or hash.
const ID_DIGITS: usize = 64;
/// Most bytes of a bad value that are shown again.
const MAX_SHOWN_BYTES: usize = 80;
const JSON: &str = "application/json";

/// A JSON body, and a JSON answer.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

/// A JSON body that may be absent: then it is the default.
#[derive(Clone, Copy, Debug)]
pub struct OptionalJson<T>(pub T);

/// The query of the address. A name given several times is one value with commas.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// Parts of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

/// An id or hash in a path or query: exactly 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hex<T>(pub T);

/// The types that [`Hex`] reads.
pub trait Id: FromStr {}
impl Id for TaskId {}
impl Id for BlobHash {}
impl Id for JobId {}
impl Id for NodeId {}

/// Reads an id or hash as people and programs write it: 64 lower-case hexadecimal digits.
pub fn read_id<T: Id>(text: &str) -> Result<T, String> {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let id = (text.len() == ID_DIGITS && digits).then(|| text.parse().ok()).flatten();
    id.ok_or_else(|| format!("expected 64 lower-case hexadecimal digits, got {:?}", shown(text)))
}

/// The start of a text, for messages.
pub fn shown(text: &str) -> String {
    if text.len() <= MAX_SHOWN_BYTES {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_SHOWN_BYTES / 4).collect();
    format!("{start}... ({} bytes)", text.len())
}

impl<'de, T: Id> Deserialize<'de> for Hex<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read_id(&text).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a JSON value; what is wrong with it is named by its place.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        problem_of(&place, &error.into_inner())
    })?;
    reader.end().map_err(|error| problem_of(".", &error))?;
    Ok(value)
}

fn problem_of(place: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::bad_input(format!("the body is no JSON: {error}"), "send one JSON value");
    }
    let text = error.to_string();
    let field = field_name(place, &text);
    Problem::bad_fields(vec![FieldError::new(field, shown_message(&text))], "")
}

/// Messages may repeat what came: it is cut.
fn shown_message(text: &str) -> String {
    const MAX_MESSAGE_CHARS: usize = 400;
    text.chars().take(MAX_MESSAGE_CHARS).collect()
}

/// The field a message is about: serde names missing and unknown ones only in its text.
fn field_name(place: &str, message: &str) -> String {
    let place = place.trim_start_matches('.');
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.split_once(start))
        .and_then(|(_, rest)| rest.split_once('`'))
        .map(|(name, _)| name);
    match (place, named) {
        ("", None) => "body".to_owned(),
        ("", Some(name)) => name.to_owned(),
        (place, Some(name)) if place.rsplit('.').next() != Some(name) => format!("{place}.{name}"),
        (place, _) => place.to_owned(),
    }
}

/// Whether a body says it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == JSON || (essence.starts_with("application/") && essence.ends_with("+json"))
    })
}

/// The content type of a body, if it is text.
pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// A whole body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: u64) -> Result<Bytes, Problem> {
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_over_limit(error.as_ref()) => Err(Problem::too_large(limit)),
        Err(error) => Err(Problem::bad_input(
            format!("the body ended early: {error}"),
            "send it again",
        )),
    }
}

/// Whether this error, or one that caused it, is a limit on the body.
pub fn is_over_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// The bytes of a JSON body.
pub async fn json_body(request: Request, state: &AppState) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem::wrong_type(JSON, content_type(request.headers())));
    }
    read_body(request.into_body(), state.api.config().http.max_body_bytes).await
}

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        decode(&json_body(request, state).await?).map(Self)
    }
}

impl<T: DeserializeOwned + Default> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        if content_type(request.headers()).is_some() {
            return Json::from_request(request, state).await.map(|Json(value)| Self(value));
        }
        let body = read_body(request.into_body(), state.api.config().http.max_body_bytes).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        Err(Problem::wrong_type(JSON, None))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query as one value per name, in their order, encoded again.
fn merged_query(uri: &Uri) -> Result<String, Problem> {
    type Pairs = Vec<(String, String)>;
    let pairs = axum::extract::Query::<Pairs>::try_from_uri(uri);
    let axum::extract::Query(pairs) = pairs.map_err(|error| Problem::bad_input(error.body_text(), ""))?;
    let mut merged: Pairs = Vec::new();
    for (name, value) in pairs {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => merged.push((name, value)),
        }
    }
    let encode = |(name, value): &(String, String)| format!("{}={}", percent_encode(name), percent_encode(value));
    Ok(merged.iter().map(encode).collect::<Vec<_>>().join("&"))
}

/// Every byte but letters and digits as `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let merged = merged_query(&parts.uri)?;
        let uri: Uri = format!("/?{merged}")
            .parse()
            .map_err(|_| Problem::bad_input("the query is too long", ""))?;
        let read = axum::extract::Query::<T>::try_from_uri(&uri);
        read.map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| query_problem(&error.body_text()))
    }
}

/// The rejection reads `Failed to deserialize query string: limit: invalid digit found in string`.
fn query_problem(text: &str) -> Problem {
    let text = text.split_once("query string: ").map_or(text, |(_, rest)| rest);
    let (place, message) = text.split_once(": ").unwrap_or((".", text));
    let is_name = !place.is_empty() && place.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let (place, message) = if is_name { (place, message) } else { (".", text) };
    let field = match field_name(place, message).as_str() {
        "body" => "query".to_owned(),
        field => shown(field),
    };
    Problem::bad_fields(vec![FieldError::new(field, shown_message(message))], "")
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value)).map_err(path_problem)
    }
}

fn path_problem(rejection: PathRejection) -> Problem {
    match rejection.status() {
        StatusCode::INTERNAL_SERVER_ERROR => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", rejection.body_text(), "")
        }
        _ => {
            let text = rejection.body_text();
            let text = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
            Problem::bad_fields(vec![FieldError::new("path", shown_message(text))], "")
        }
    }
}

#[cfg(test)]
mod tests;
