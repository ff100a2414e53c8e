//! Cursors: where a list goes on. Opaque to clients, and bound to the query that gave them: a cursor of another query is
//! refused. Nothing is kept for one; it outlives restarts.

use crate::problem::Problem;
use axum::http::StatusCode;

/// Bytes of the check that binds a cursor to its query.
const TAG_BYTES: usize = 8;
/// Longest position, in bytes.
const MAX_POSITION_BYTES: usize = 256;

/// What a list is of: its name and its filters, as text.
pub struct Binding<'a> {
    /// The list, such as `tasks`.
    pub list: &'a str,
    /// Filters, and whose eyes see it.
    pub query: &'a str,
}

impl Binding<'_> {
    fn tag(&self, position: &[u8]) -> [u8; TAG_BYTES] {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 list cursor v1");
        for part in [self.list.as_bytes(), self.query.as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(position);
        let mut tag = [0; TAG_BYTES];
        hasher.finalize_xof().fill(&mut tag);
        tag
    }

    /// A cursor to a position of at most 256 bytes.
    pub fn cursor(&self, position: &[u8]) -> String {
        let tag = self.tag(position);
        position.iter().chain(&tag).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The position a cursor of this very query stands for.
    pub fn position(&self, cursor: &str) -> Result<Vec<u8>, Problem> {
        self.read(cursor).ok_or_else(|| {
            let remedy = "use `next_cursor` of the page before with the same filters, or leave the cursor out";
            let detail = "the cursor is not of this list with these filters";
            Problem::new(StatusCode::BAD_REQUEST, "bad_cursor", detail, remedy)
        })
    }

    fn read(&self, cursor: &str) -> Option<Vec<u8>> {
        let digits = cursor.as_bytes();
        if digits.len() > 2 * (MAX_POSITION_BYTES + TAG_BYTES) || !digits.len().is_multiple_of(2) {
            return None;
        }
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok()?;
            let plain = text.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u8::from_str_radix(text, 16).ok()).flatten()
        };
        let mut bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
        let tag = bytes.split_off(bytes.len().checked_sub(TAG_BYTES)?);
        (tag == self.tag(&bytes)).then_some(bytes)
    }
}

#[cfg(test)]
mod tests;
