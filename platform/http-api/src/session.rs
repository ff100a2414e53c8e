//! Logins of the console: a cookie that says which token it stands for and until when, and a MAC over both.
//!
//! The node keeps no list of sessions. The key of the MAC is the file `session.key`, so sessions survive a restart;
//! deleting the file ends all of them. A session ends with its token, at its own time, or when it is logged out; the
//! last is remembered in memory until the session would have ended anyway, and forgotten by a restart.

use axum::http::{HeaderMap, HeaderValue, header};
use job_model::{NodeId, UnixMillis};
use node::access::{Grant, TokenProblem, read_private, write_private};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Logged-out sessions that are remembered; the one that ends first makes room.
const MAX_ENDED: usize = 4_096;
/// First bytes of what the MAC is over: a MAC of another purpose is no session.
const PURPOSE: &str = "p2pjob session 1";

/// Why a session does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SessionProblem {
    /// Not made by this node.
    #[error("this node did not open it")]
    Forged,
    /// Its time is over.
    #[error("its time has passed")]
    Expired,
    /// Logged out.
    #[error("it was logged out")]
    Ended,
    /// Its token ended.
    #[error("{0}")]
    Token(TokenProblem),
}

/// Opens and checks sessions.
pub struct Sessions {
    key: [u8; KEY_BYTES],
    /// Cookies know no ports: the nodes of one host must not take each other's.
    cookie: String,
    length_ms: u64,
    /// MAC and end of logged-out sessions.
    ended: Mutex<BTreeMap<String, u64>>,
}

/// A session that was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// The `Set-Cookie` header.
    pub cookie: HeaderValue,
    /// When it ends.
    pub expires_at: UnixMillis,
}

impl Sessions {
    /// Reads the key of a data directory, or makes it.
    pub fn open(data_dir: &Path, node: NodeId, length_ms: u64) -> Result<Self, String> {
        let path = data_dir.join("session.key");
        let key = match read_private(&path, KEY_BYTES as u64).map_err(|error| error.to_string())? {
            Some(bytes) => bytes.try_into().map_err(|_| {
                format!(
                    "{}: it is no key of {KEY_BYTES} bytes; delete it, which logs everybody out",
                    path.display()
                )
            })?,
            None => {
                let mut key = [0; KEY_BYTES];
                getrandom::fill(&mut key).map_err(|error| format!("the system gives no random bytes: {error}"))?;
                write_private(&path, &key).map_err(|error| error.to_string())?;
                key
            }
        };
        Ok(Self {
            key,
            cookie: format!("p2pjob_{}", node.short()),
            length_ms,
            ended: Mutex::default(),
        })
    }

    /// Opens a session for a token.
    pub fn start(&self, grant: &Grant, tls: bool, now: UnixMillis) -> Opened {
        let end = now.plus(self.length_ms);
        let expires_at = grant.expires_at.map_or(end, |token_end| token_end.min(end));
        let value = format!("{}.{}.{}", grant.id, expires_at.0, self.mac(&grant.id, expires_at.0));
        Opened {
            cookie: self.set_cookie(&value, expires_at.since(now) / 1_000, tls),
            expires_at,
        }
    }

    /// The `Set-Cookie` header that takes a session back.
    pub fn farewell(&self, tls: bool) -> HeaderValue {
        self.set_cookie("", 0, tls)
    }

    /// The id of the token whose session a request carries; none without a cookie of this node.
    pub fn find(&self, headers: &HeaderMap, tls: bool, now: UnixMillis) -> Option<Result<String, SessionProblem>> {
        self.value(headers, tls).map(|value| self.check(value, now))
    }

    /// Logs a session out.
    pub fn end(&self, headers: &HeaderMap, tls: bool, now: UnixMillis) {
        let Some(value) = self.value(headers, tls).filter(|value| self.check(value, now).is_ok()) else {
            return;
        };
        let Some((_, expires, mac)) = parts(value) else {
            return;
        };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, end| *end > now.0);
        if ended.len() >= MAX_ENDED {
            let first = ended.iter().min_by_key(|(_, end)| **end).map(|(mac, _)| mac.clone());
            first.map(|mac| ended.remove(&mac));
        }
        ended.insert(mac.to_owned(), expires);
    }

    fn check(&self, value: &str, now: UnixMillis) -> Result<String, SessionProblem> {
        let (id, expires, mac) = parts(value).ok_or(SessionProblem::Forged)?;
        let given = blake3::Hash::from_hex(mac).map_err(|_| SessionProblem::Forged)?;
        // `blake3::Hash` compares in constant time.
        if given != self.hash(id, expires) {
            return Err(SessionProblem::Forged);
        }
        if expires <= now.0 {
            return Err(SessionProblem::Expired);
        }
        if self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(mac)
        {
            return Err(SessionProblem::Ended);
        }
        Ok(id.to_owned())
    }

    fn hash(&self, id: &str, expires: u64) -> blake3::Hash {
        blake3::keyed_hash(&self.key, format!("{PURPOSE}|{id}|{expires}").as_bytes())
    }

    fn mac(&self, id: &str, expires: u64) -> String {
        self.hash(id, expires).to_hex().to_string()
    }

    /// The cookie's name. `__Host-` forbids other hosts of a domain to set it, which needs TLS.
    fn name(&self, tls: bool) -> String {
        let prefix = if tls { "__Host-" } else { "" };
        format!("{prefix}{}", self.cookie)
    }

    fn value<'a>(&self, headers: &'a HeaderMap, tls: bool) -> Option<&'a str> {
        let name = self.name(tls);
        let texts = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut pairs = texts
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn set_cookie(&self, value: &str, seconds: u64, tls: bool) -> HeaderValue {
        let secure = if tls { "; Secure" } else { "" };
        let name = self.name(tls);
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
        // Hexadecimal digits and dots only: it is always a header value.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Token id, end and MAC of a cookie's value.
fn parts(value: &str) -> Option<(&str, u64, &str)> {
    let (id, rest) = value.split_once('.')?;
    let (expires, mac) = rest.split_once('.')?;
    let plain = expires.bytes().all(|byte| byte.is_ascii_digit()) && !expires.starts_with('0');
    let lower = mac
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (plain && lower)
        .then(|| Some((id, expires.parse().ok()?, mac)))
        .flatten()
}

#[cfg(test)]
mod tests;
