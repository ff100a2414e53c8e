//! Headers of every answer: what a browser may do with it, and which foreign pages may read it.

use super::origin::{Facts, Origin};
use super::refused;
use crate::assets::INLINE_STYLE_PAGES;
use crate::problem::Problem;
use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// The console and its pages: nothing from elsewhere, no inline script, no eval.
const PAGE_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Swagger UI and GraphiQL put style sheets into the page.
const TOOL_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";
/// Answers of the API are data, also where somebody uploaded a page: it gets no origin and runs nothing.
const DATA_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";
/// A browser that was here over TLS comes back over TLS, for a year.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Methods that allowed foreign pages may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
/// Headers that allowed foreign pages may send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, if-range, last-event-id, range",
);
/// Headers that allowed foreign pages may read.
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("accept-ranges, content-range, etag, location, retry-after, www-authenticate");
/// How long a browser may remember a preflight, in seconds.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("600");

/// The answer with all headers that every answer has. `facts` is none when the head was not understood.
pub fn secured(mut response: Response, facts: Option<&Facts>, path: &str) -> Response {
    let headers = response.headers_mut();
    let policy = if path.starts_with("/api/") {
        DATA_POLICY
    } else if INLINE_STYLE_PAGES.iter().any(|page| path.starts_with(page)) {
        TOOL_POLICY
    } else {
        PAGE_POLICY
    };
    let fixed: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(facts) = facts else {
        return response;
    };
    if facts.peer.strict {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
    if let Origin::Allowed(origin) = &facts.origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    response
}

/// The answer to a browser that asks whether a foreign page may send a request. Credentials are never allowed.
pub fn preflight(facts: &Facts) -> Response {
    if !matches!(facts.origin, Origin::Allowed(_) | Origin::Own) {
        let remedy = "add the origin to http.allowed_origins";
        let detail = "pages of this origin may not call the API";
        return *refused(Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail, remedy));
    }
    let mut response = (StatusCode::NO_CONTENT, Body::empty()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
    response
}
