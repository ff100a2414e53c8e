//! A blob as the body of an answer. A download reads one piece ahead of its client, whose pace it keeps: two or three pieces
//! are in memory, however large the blob. A disk that fails cuts the connection, so that the client sees it.

use crate::extract::percent_encode;
use crate::problem::Problem;
use crate::range::{Part, is_known, part};
use crate::state::AppState;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use job_model::BlobHash;
use node::api::{BlobReader, PendingPiece};
use serde::Deserialize;
use std::io;
use utoipa::{IntoParams, ToSchema};

/// Bytes read and sent at once: large enough that a system call costs nothing beside the copy, small enough for the
/// processor's cache.
const PIECE_BYTES: usize = 256 << 10;
/// Longest name that a download may get, in characters.
const MAX_NAME_CHARS: usize = 120;
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// How a blob is wanted.
#[derive(Clone, Default, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BytesQuery {
    /// Only if it is on this node; else it is brought from the network.
    #[serde(default)]
    local: Option<bool>,
    /// File name under which a browser saves it.
    download: Option<String>,
    /// Shown by a browser as this, instead of as bytes.
    #[serde(rename = "as")]
    #[param(rename = "as", inline)]
    shown_as: Option<ShownAs>,
}

/// Kinds of content that no browser runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShownAs {
    /// `application/json`.
    Json,
    /// `text/plain`, UTF-8.
    Text,
    /// `image/png`.
    Png,
}

/// The answer to a request for a blob's bytes; brings the blob here first where it may.
pub async fn answer(
    state: &AppState,
    hash: BlobHash,
    query: &BytesQuery,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let etag = format!("\"{hash}\"");
    let tag = HeaderValue::from_str(&etag).map_err(|error| Problem::bad_input(error.to_string(), ""))?;
    if is_known(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    if state.api.blob_size(hash).await.is_none() {
        if query.local == Some(true) {
            return Err(Problem::not_found(format!("blob {hash} is not on this node")));
        }
        Box::pin(state.api.bring_blob(hash)).await?;
    }
    let reader = state.api.open_blob(hash).await?;
    let size = reader.size();
    let (status, begin, end) = match part(headers, size, &etag) {
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Bytes(begin, end) => (StatusCode::PARTIAL_CONTENT, begin, end),
        Part::Unsatisfiable => return Ok(unsatisfiable(size)),
    };
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => send(reader, begin, end),
    };
    let mut response = (status, body).into_response();
    let head = response.headers_mut();
    head.insert(header::ETAG, tag);
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(end - begin));
    head.insert(header::CONTENT_TYPE, query.content_type());
    head.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Bytes of a hash never change; who may see them may.
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if status == StatusCode::PARTIAL_CONTENT {
        insert(
            head,
            header::CONTENT_RANGE,
            &format!("bytes {begin}-{}/{size}", end.saturating_sub(1)),
        );
    }
    if let Some(name) = &query.download {
        insert(head, header::CONTENT_DISPOSITION, &disposition(name));
    }
    Ok(response)
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    // Made of ASCII only; if it were not, the header is left out.
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn unsatisfiable(size: u64) -> Response {
    let detail = format!("the range begins beyond the end: there are {size} bytes");
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail, "");
    let mut response = problem.into_response();
    insert(
        response.headers_mut(),
        header::CONTENT_RANGE,
        &format!("bytes */{size}"),
    );
    response
}

impl BytesQuery {
    fn content_type(&self) -> HeaderValue {
        match self.shown_as {
            None => OCTETS,
            Some(ShownAs::Json) => HeaderValue::from_static("application/json"),
            Some(ShownAs::Text) => HeaderValue::from_static("text/plain; charset=utf-8"),
            Some(ShownAs::Png) => HeaderValue::from_static("image/png"),
        }
    }
}

/// A name that is a name and no path, in both forms that browsers read.
pub fn disposition(name: &str) -> String {
    let name: String = name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .chars()
        .take(MAX_NAME_CHARS)
        .collect();
    let harmless = |c: char| {
        if c.is_control() || "\"\\/<>|:*?%;".contains(c) {
            '_'
        } else {
            c
        }
    };
    let name: String = name.trim().trim_start_matches('.').chars().map(harmless).collect();
    let name = if name.is_empty() { "blob.bin".to_owned() } else { name };
    let ascii: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    format!(
        "attachment; filename=\"{ascii}\"; filename*=UTF-8''{}",
        percent_encode(&name)
    )
}

/// The bytes as they are read, one piece ahead.
fn send(reader: BlobReader, begin: u64, end: u64) -> Body {
    let pieces = Pieces {
        ahead: None,
        reader,
        next: begin,
        end,
    };
    Body::from_stream(stream::unfold(pieces, |mut pieces| async move {
        let read = pieces.next_piece().await?;
        Some((read, pieces))
    }))
}

struct Pieces {
    reader: BlobReader,
    next: u64,
    end: u64,
    ahead: Option<PendingPiece>,
}

impl Pieces {
    /// Begins to read the next piece, if there is one.
    fn begin(&mut self) -> Option<PendingPiece> {
        let left = self.end.saturating_sub(self.next);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let pending = (len > 0).then(|| self.reader.begin(self.next, len));
        self.next = self.next.saturating_add(len as u64);
        pending
    }

    /// An error cuts the connection: the client sees that bytes are missing.
    async fn next_piece(&mut self) -> Option<io::Result<Bytes>> {
        let now = match self.ahead.take() {
            Some(pending) => pending,
            None => self.begin()?,
        };
        self.ahead = self.begin();
        let read = now.bytes().await;
        Some(read.map_err(|error| io::Error::other(error.message)))
    }
}
