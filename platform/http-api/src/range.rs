//! Parts of a body: `Range`, `If-Range`, `If-None-Match` (RFC 9110). Pure; owns nothing.

use axum::http::{HeaderMap, header};

/// What of a body is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// All of it.
    Whole,
    /// From the first of these bytes up to, but not with, the second.
    Bytes(u64, u64),
    /// Nothing of it: the range begins beyond its end.
    Unsatisfiable,
}

/// What these headers ask of a body of `size` bytes with this entity tag (with its quotes). Several ranges, and ranges that
/// cannot be read, are answered with the whole body, as RFC 9110 allows.
pub fn part(headers: &HeaderMap, size: u64, etag: &str) -> Part {
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        return Part::Whole;
    };
    if let Some(condition) = headers.get(header::IF_RANGE)
        && condition.as_bytes() != etag.as_bytes()
    {
        return Part::Whole;
    }
    let Some((unit, spec)) = range.split_once('=') else {
        return Part::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || spec.contains(',') {
        return Part::Whole;
    }
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Part::Whole;
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => between(first, last, size),
        (Some(None), Some(Some(0))) => Part::Unsatisfiable,
        (Some(None), Some(Some(count))) if size > 0 => Part::Bytes(size.saturating_sub(count), size),
        (Some(None), Some(Some(_))) => Part::Unsatisfiable,
        _ => Part::Whole,
    }
}

fn between(first: u64, last: Option<u64>, size: u64) -> Part {
    match last {
        Some(last) if last < first => Part::Whole,
        _ if first >= size => Part::Unsatisfiable,
        Some(last) => Part::Bytes(first, last.saturating_add(1).min(size)),
        None => Part::Bytes(first, size),
    }
}

/// `Some(None)`: nothing there. `None`: no number. A number beyond all sizes is the largest.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

/// Whether the client has this entity already. Weak and strong tags are equal here, as the rule for GET wants.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter();
    let tags = tags
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','));
    let mut tags = tags.map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests;
