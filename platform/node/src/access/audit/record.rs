//! One record, and the bytes that its hash is over.

use job_model::UnixMillis;
use serde::{Deserialize, Serialize};

/// Most characters of a text in a record; longer ones are cut.
const MAX_TEXT_CHARS: usize = 512;
/// The `prev` of the first record.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// Who: a token's name, `anonymous`, or `local` for the command line.
    pub actor: String,
    /// Id of the token.
    pub token: Option<String>,
    /// The role it acted in; empty: none was accepted.
    pub role: String,
    /// Where it came from.
    pub address: String,
    /// What it wanted, such as `POST /api/v1/tasks` or `token revoke`.
    pub action: String,
    /// On what.
    pub target: String,
    /// `ok`, `refused` or `failed`.
    pub outcome: String,
    /// The HTTP status it was answered with.
    pub status: Option<u16>,
}

/// A record. The order of the fields is the order on disk, which the hash depends on: append only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: UnixMillis,
    /// Who.
    pub actor: String,
    /// Id of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// In which role.
    pub role: String,
    /// From where.
    pub address: String,
    /// What.
    pub action: String,
    /// On what.
    pub target: String,
    /// `ok`, `refused` or `failed`.
    pub outcome: String,
    /// The HTTP status it was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Hash of the record before; zeros in the first one.
    pub prev: String,
    /// BLAKE3 over this record's JSON without this field, hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

impl AuditRecord {
    /// The record of an entry, chained to the one before.
    pub fn seal(entry: AuditEntry, at: UnixMillis, seq: u64, prev: &str) -> Self {
        let mut record = Self {
            seq,
            at,
            actor: entry.actor,
            token: entry.token,
            role: entry.role,
            address: entry.address,
            action: entry.action,
            target: entry.target,
            outcome: entry.outcome,
            status: entry.status,
            prev: if prev.is_empty() {
                GENESIS.to_owned()
            } else {
                prev.to_owned()
            },
            hash: String::new(),
        };
        record.hash = record.digest();
        record
    }

    /// The hash it should have.
    pub fn digest(&self) -> String {
        let bare = Self {
            hash: String::new(),
            ..self.clone()
        };
        blake3::hash(bare.json().as_bytes()).to_hex().to_string()
    }

    /// Its one JSON form, without a line feed.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Texts come from strangers: no control characters, no endless ones.
pub fn clean(entry: AuditEntry) -> AuditEntry {
    let text = |text: String| {
        let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        text.chars().take(MAX_TEXT_CHARS).map(shown).collect::<String>()
    };
    AuditEntry {
        actor: text(entry.actor),
        token: entry.token.map(text),
        role: text(entry.role),
        address: text(entry.address),
        action: text(entry.action),
        target: text(entry.target),
        outcome: text(entry.outcome),
        status: entry.status,
    }
}
