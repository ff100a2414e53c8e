//! `tokens.json`: its form, and what is checked when it is read.

use crate::access::{AccessError, read_private, write_private};
use crate::config::Role;
use job_model::UnixMillis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Form of the file.
const FORMAT: &str = "p2pjob-tokens 1";
/// More than this many bytes are no token file of ours.
const MAX_BYTES: u64 = 4 << 20;
/// What to do about a damaged file.
const REMEDY: &str = "restore it from a backup, or move it away and make new tokens with `p2pjob token new`";

/// One token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub own_only: bool,
    pub created_at: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixMillis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixMillis>,
    /// BLAKE3 of the secret, hexadecimal.
    pub secret_hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: String,
    tokens: Vec<Entry>,
}

/// All entries with their hashes. A file that is not there has none; any doubt is an error.
pub fn read(path: &Path) -> Result<Vec<(Entry, blake3::Hash)>, AccessError> {
    let Some(bytes) = read_private(path, MAX_BYTES)? else {
        return Ok(Vec::new());
    };
    let damaged = |why: String| AccessError::Damaged {
        path: path.to_owned(),
        why,
        remedy: REMEDY,
    };
    let parsed = serde_json::from_slice(&bytes);
    let content: Content = parsed.map_err(|error| damaged(format!("the token file is damaged ({error})")))?;
    if content.format != FORMAT {
        return Err(damaged(format!(
            "its format is {:?}, this program reads {FORMAT:?}",
            content.format
        )));
    }
    let mut ids = BTreeSet::new();
    let check = |entry: Entry| {
        let hash = blake3::Hash::from_hex(&entry.secret_hash);
        let hash = hash.map_err(|_| damaged(format!("the hash of token {:?} is damaged", entry.id)))?;
        if ids.insert(entry.id.clone()) {
            Ok((entry, hash))
        } else {
            Err(damaged(format!("token {:?} stands in it twice", entry.id)))
        }
    };
    content.tokens.into_iter().map(check).collect()
}

/// Replaces the file.
pub fn write(path: &Path, entries: &[Entry]) -> Result<(), AccessError> {
    let content = Content {
        format: FORMAT.to_owned(),
        tokens: entries.to_vec(),
    };
    let mut bytes = serde_json::to_vec_pretty(&content).unwrap_or_default();
    bytes.push(b'\n');
    write_private(path, &bytes)
}
