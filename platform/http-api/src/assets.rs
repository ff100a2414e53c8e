//! The console's files, embedded in the program. Large ones are there compressed only, and are unpacked for the few clients
//! that cannot. Owns nothing that changes: an asset is the same until the program is.

use crate::problem::Problem;
use crate::range::is_known;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;
use std::io::Read;

/// What the addresses of pages begin with whose scripts make inline styles (Swagger UI, GraphiQL): the access layer lets
/// them, and only them.
pub const INLINE_STYLE_PAGES: [&str; 3] = ["/docs", "/graph", "/tools"];
/// What the first page of the console is called.
const INDEX: &str = "index.html";
/// Largest asset, unpacked: a bound against a broken build, not against anybody.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;
/// Files below this folder carry a hash of their content in their name.
const HASHED_FOLDER: &str = "assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

#[derive(RustEmbed)]
#[folder = "../../web-console/dist"]
struct Dist;

/// A file of the console.
pub struct Asset {
    file: EmbeddedFile,
    packed: bool,
    path: String,
}

impl Asset {
    /// The file at this path below the console's folder, such as `assets/index-Bq3.js`. None: there is no such file.
    pub fn find(path: &str) -> Option<Self> {
        // Names are looked up in a list: a path that leads elsewhere is no name in it.
        let packed = Dist::get(&format!("{path}.gz")).map(|file| (file, true));
        let (file, packed) = packed.or_else(|| Dist::get(path).map(|file| (file, false)))?;
        Some(Self {
            file,
            packed,
            path: path.to_owned(),
        })
    }

    /// The answer to a request with these headers.
    pub fn respond(self, headers: &HeaderMap) -> Response {
        let gzip = self.packed && takes_gzip(headers);
        let etag = self.etag(gzip);
        let cache = if self.is_hashed() { IMMUTABLE } else { ASK_AGAIN };
        let mut response = if is_known(headers, &etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            match self.body(gzip) {
                Ok(body) => Body::from(body).into_response(),
                Err(problem) => return problem.into_response(),
            }
        };
        let head = response.headers_mut();
        head.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&self.path)));
        head.insert(header::CACHE_CONTROL, cache);
        head.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            head.insert(header::ETAG, etag);
        }
        if self.packed {
            head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if gzip {
            head.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// One tag per form: packed and unpacked bytes are different bytes.
    fn etag(&self, gzip: bool) -> String {
        let hash = self.file.metadata.sha256_hash();
        let start: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{start}{}\"", if gzip { "-gz" } else { "" })
    }

    fn is_hashed(&self) -> bool {
        self.path.starts_with(HASHED_FOLDER) || self.path.contains("/assets/")
    }

    fn body(&self, gzip: bool) -> Result<Bytes, Problem> {
        let stored = match &self.file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes.clone()),
        };
        if !self.packed || gzip {
            return Ok(stored);
        }
        let mut unpacked = Vec::new();
        let read = GzDecoder::new(stored.as_ref())
            .take(MAX_UNPACKED_BYTES)
            .read_to_end(&mut unpacked);
        read.map(|_| Bytes::from(unpacked)).map_err(|error| {
            let detail = format!("the embedded file {} is damaged: {error}", self.path);
            let remedy = "build the console again: `cargo xtask console`";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, remedy)
        })
    }
}

/// The first page.
pub fn index() -> Option<Asset> {
    Asset::find(INDEX)
}

/// Every file's path, without `.gz`.
#[cfg(test)]
pub fn paths() -> Vec<String> {
    let name = |path: Cow<'static, str>| path.strip_suffix(".gz").unwrap_or(&path).to_owned();
    Dist::iter().map(name).collect()
}

/// Whether the client can unpack: it names gzip, and not with `q=0`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = lists
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','));
    codings.any(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, ""));
        let named = matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip" | "*");
        let weight = parameter.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        named && weight.is_ok_and(|weight| weight > 0.0)
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" | "LICENSE" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
