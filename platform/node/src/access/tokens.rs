//! HTTP tokens: made once, shown once, kept as hashes in `tokens.json`.
//!
//! A token's text is `p2pjob_ID_SECRET`: 48 random bits that name it, 256 random bits that prove it. Only the BLAKE3
//! hash of the secret is kept, which is enough because there is nothing to guess. Every change replaces the file and
//! syncs it before it counts. When a token was last used is remembered in memory only.

mod file;

use super::AccessError;
use crate::config::Role;
use crate::context::now;
use crate::control::protocol::ControlError;
use crate::control::requests::{bad_input, internal, not_found};
use file::Entry;
use job_model::UnixMillis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// Tokens that are kept, revoked ones included; the oldest revoked or expired ones make room.
const MAX_TOKENS: usize = 1_000;
/// Bytes of a token's id.
const ID_BYTES: usize = 6;
/// Bytes of a token's secret.
const SECRET_BYTES: usize = 32;
/// Start of every token's text.
const PREFIX: &str = "p2pjob";
/// Longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// A token to make.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// Whose it is: 1 to 64 letters, digits, and `. _ - @`. The owner of the tasks submitted with it.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How long it is valid, in milliseconds; none: until it is revoked.
    pub expires_in_ms: Option<u64>,
    /// Whether it sees and touches only tasks of its own; none: only a submitter's does.
    pub own_only: Option<bool>,
}

/// A token without its secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenReport {
    /// Names it.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it sees and touches only tasks of its own.
    pub own_only: bool,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends by itself.
    pub expires_at: Option<UnixMillis>,
    /// When it was last used since the node started.
    pub last_used: Option<UnixMillis>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MadeToken {
    /// The secret text. Nobody can show it again.
    pub token: String,
    /// What it is.
    pub report: TokenReport,
}

/// What a valid token gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it sees and touches only tasks of its own.
    pub own_only: bool,
    /// When it ends by itself.
    pub expires_at: Option<UnixMillis>,
}

/// Why a token is not accepted. Expired and revoked are told only to who has the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenProblem {
    /// It has not the form of a token.
    #[error("this is no token of p2pjob: it has the form p2pjob_ID_SECRET")]
    Malformed,
    /// Nobody made it here, or its secret is wrong.
    #[error("this node does not know the token")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was revoked.
    #[error("the token was revoked")]
    Revoked,
}

struct Live {
    entry: Entry,
    secret: blake3::Hash,
    last_used: AtomicU64,
}

impl Live {
    fn of(entry: Entry, secret: blake3::Hash) -> Self {
        Self {
            entry,
            secret,
            last_used: AtomicU64::new(0),
        }
    }

    fn problem(&self, now: UnixMillis) -> Option<TokenProblem> {
        if self.entry.revoked_at.is_some() {
            Some(TokenProblem::Revoked)
        } else {
            let over = self.entry.expires_at.is_some_and(|end| end <= now);
            over.then_some(TokenProblem::Expired)
        }
    }

    fn grant(&self, now: UnixMillis) -> Result<Grant, TokenProblem> {
        if let Some(problem) = self.problem(now) {
            return Err(problem);
        }
        self.last_used.fetch_max(now.0, Ordering::Relaxed);
        Ok(Grant {
            id: self.entry.id.clone(),
            name: self.entry.name.clone(),
            role: self.entry.role,
            own_only: self.entry.own_only,
            expires_at: self.entry.expires_at,
        })
    }

    fn report(&self) -> TokenReport {
        let used = self.last_used.load(Ordering::Relaxed);
        TokenReport {
            id: self.entry.id.clone(),
            name: self.entry.name.clone(),
            role: self.entry.role,
            own_only: self.entry.own_only,
            created_at: self.entry.created_at,
            expires_at: self.entry.expires_at,
            last_used: (used > 0).then_some(UnixMillis(used)),
            revoked_at: self.entry.revoked_at,
        }
    }
}

type ById = BTreeMap<String, Live>;

/// All tokens of a node. Looking one up takes a read lock on a small map; changes also write the file.
pub struct Tokens {
    path: PathBuf,
    live: RwLock<ById>,
    /// One change of the file at a time.
    changing: Mutex<()>,
    changed: watch::Sender<u64>,
}

impl Tokens {
    /// Reads `tokens.json` of a data directory; no file is no tokens, a damaged one is an error.
    pub fn open(data_dir: &Path) -> Result<Self, AccessError> {
        let path = data_dir.join("tokens.json");
        let entries = file::read(&path)?;
        let live = entries
            .into_iter()
            .map(|(entry, secret)| (entry.id.clone(), Live::of(entry, secret)));
        Ok(Self {
            live: RwLock::new(live.collect()),
            path,
            changing: Mutex::new(()),
            changed: watch::channel(0).0,
        })
    }

    /// The map. A panic elsewhere cannot leave it half changed, so poison is ignored.
    fn live(&self) -> RwLockReadGuard<'_, ById> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves on whenever a token is made or revoked: who keeps a stream open looks again then.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What a token's text gives now. Takes the same steps whether the id or the secret is wrong.
    pub fn check(&self, text: &str, now: UnixMillis) -> Result<Grant, TokenProblem> {
        let (id, secret) = parse(text).ok_or(TokenProblem::Malformed)?;
        let hash = blake3::hash(&secret);
        let live = self.live();
        let found = live.get(id);
        let wanted = found.map_or_else(|| blake3::Hash::from_bytes([0; 32]), |live| live.secret);
        // `blake3::Hash` compares in constant time.
        match found {
            Some(live) if wanted == hash => live.grant(now),
            _ => Err(TokenProblem::Unknown),
        }
    }

    /// What the token of this id gives now, for sessions that were opened with it.
    pub fn grant(&self, id: &str, now: UnixMillis) -> Result<Grant, TokenProblem> {
        self.live()
            .get(id)
            .map_or(Err(TokenProblem::Unknown), |live| live.grant(now))
    }

    /// All tokens, the oldest first.
    pub fn list(&self) -> Vec<TokenReport> {
        let mut reports: Vec<TokenReport> = self.live().values().map(Live::report).collect();
        reports.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        reports
    }

    /// Makes a token. Waits for the disk: call it where blocking is fine.
    pub fn make(&self, new: NewToken) -> Result<MadeToken, ControlError> {
        check_name(&new.name)?;
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        self.check_free(&new.name, now)?;
        let (id, secret) = (random::<ID_BYTES>()?, random::<SECRET_BYTES>()?);
        let entry = Entry {
            id: hex(&id),
            name: new.name,
            role: new.role,
            own_only: new.own_only.unwrap_or_else(|| super::default_own_only(new.role)),
            created_at: now,
            expires_at: new.expires_in_ms.map(|millis| now.plus(millis)),
            revoked_at: None,
            secret_hash: blake3::hash(&secret).to_hex().to_string(),
        };
        let made = Live::of(entry, blake3::hash(&secret));
        let token = format!("{PREFIX}_{}_{}", made.entry.id, hex(&secret));
        let report = made.report();
        let dropped = self.oldest_useless(now)?;
        let mut entries: Vec<Entry> = self.live().values().map(|live| live.entry.clone()).collect();
        entries.retain(|entry| Some(&entry.id) != dropped.as_ref());
        entries.push(made.entry.clone());
        file::write(&self.path, &entries).map_err(internal)?;
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = dropped {
            live.remove(&id);
        }
        live.insert(made.entry.id.clone(), made);
        drop(live);
        self.changed.send_modify(|count| *count += 1);
        Ok(MadeToken { token, report })
    }

    /// Ends a token and everything opened with it. Waits for the disk. Revoking twice is no error.
    pub fn revoke(&self, id: &str) -> Result<TokenReport, ControlError> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || {
            not_found(
                format!("there is no token {id:?}"),
                "`p2pjob token list` shows their ids",
            )
        };
        let report = self.live().get(id).map(Live::report).ok_or_else(unknown)?;
        if report.revoked_at.is_some() {
            return Ok(report);
        }
        let revoked = Some(now());
        let mut entries: Vec<Entry> = self.live().values().map(|live| live.entry.clone()).collect();
        for entry in entries.iter_mut().filter(|entry| entry.id == id) {
            entry.revoked_at = revoked;
        }
        file::write(&self.path, &entries).map_err(internal)?;
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let report = live.get_mut(id).map(|live| {
            live.entry.revoked_at = revoked;
            live.report()
        });
        drop(live);
        self.changed.send_modify(|count| *count += 1);
        report.ok_or_else(unknown)
    }

    fn check_free(&self, name: &str, now: UnixMillis) -> Result<(), ControlError> {
        let live = self.live();
        let taken = live
            .values()
            .find(|live| live.entry.name == name && live.problem(now).is_none());
        taken.map_or(Ok(()), |live| {
            let message = format!("the name {name:?} belongs to token {}", live.entry.id);
            Err(bad_input(message, "choose another name, or revoke that token first"))
        })
    }

    /// The id that must go so that one more fits.
    fn oldest_useless(&self, now: UnixMillis) -> Result<Option<String>, ControlError> {
        let live = self.live();
        if live.len() < MAX_TOKENS {
            return Ok(None);
        }
        let useless = live.values().filter(|live| live.problem(now).is_some());
        let oldest = useless
            .min_by_key(|live| live.entry.created_at)
            .map(|live| live.entry.id.clone());
        oldest.map(Some).ok_or_else(|| {
            let message = format!("there are {MAX_TOKENS} valid tokens, which is the most");
            bad_input(
                message,
                "revoke those nobody needs: `p2pjob token list`, `p2pjob token revoke ID`",
            )
        })
    }
}

fn check_name(name: &str) -> Result<(), ControlError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    let shaped = (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.chars().all(good)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !shaped {
        let message = format!(
            "{:?} is no name for a token",
            name.chars().take(MAX_NAME_CHARS).collect::<String>()
        );
        let remedy = "use 1 to 64 letters, digits and . _ - @, beginning with a letter or digit";
        return Err(bad_input(message, remedy));
    }
    if [super::ANONYMOUS, super::LOCAL_ACTOR].contains(&name) {
        let message = format!("the name {name:?} means something else in the audit log");
        return Err(bad_input(message, "choose another name"));
    }
    Ok(())
}

/// Id and secret of a token's text.
fn parse(text: &str) -> Option<(&str, [u8; SECRET_BYTES])> {
    let (id, secret) = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
    let lower_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if id.len() != 2 * ID_BYTES || !id.bytes().all(lower_hex) || !secret.bytes().all(lower_hex) {
        return None;
    }
    // 32 bytes in hexadecimal, which is what a hash is too.
    blake3::Hash::from_hex(secret).ok().map(|hash| (id, *hash.as_bytes()))
}

fn random<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| internal(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
