//! How often somebody may ask: token buckets per caller, in a map of bounded size. Forgotten with the process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Callers whose buckets are kept at the same time. Beyond them, newcomers share one bucket until others are full again.
const MAX_BUCKETS: usize = 10_000;
/// Time between two searches for full buckets, which need not be kept.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Key of the bucket that newcomers share when the map is full.
const SHARED: &str = "(others)";

/// How many requests, over time and at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Over time; at least 1.
    pub per_second: u32,
    /// At once, before the rate counts; at least 1.
    pub burst: u32,
}

/// How long to wait for the next request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait(pub Duration);

/// One caller's bucket: when it would be full again. A full bucket lies in the past.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Instant,
}

struct Inner {
    buckets: HashMap<String, Bucket>,
    swept: Option<Instant>,
}

/// Buckets of one rate.
pub struct Buckets {
    /// Time that one request costs.
    cost: Duration,
    /// Time that a whole burst costs.
    depth: Duration,
    inner: Mutex<Inner>,
}

impl Buckets {
    /// Empty: everybody has a full burst.
    pub fn new(rate: Rate) -> Self {
        let cost = Duration::from_secs(1) / rate.per_second.max(1);
        Self {
            cost,
            depth: cost * rate.burst.max(1),
            inner: Mutex::new(Inner {
                buckets: HashMap::new(),
                swept: None,
            }),
        }
    }

    /// The map. A panic elsewhere cannot leave it half changed, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request of a caller, or says how long to wait.
    pub fn take(&self, key: &str, now: Instant) -> Result<(), Wait> {
        let mut inner = self.lock();
        let key = inner.room_for(key, now);
        let bucket = match inner.buckets.get_mut(key) {
            Some(bucket) => bucket,
            None => inner.buckets.entry(key.to_owned()).or_insert(Bucket { full_at: now }),
        };
        let full_at = bucket.full_at.max(now) + self.cost;
        let over = full_at.saturating_duration_since(now + self.depth);
        if over > Duration::ZERO {
            return Err(Wait(over));
        }
        bucket.full_at = full_at;
        Ok(())
    }

    /// Whether a caller could take one now; takes nothing.
    pub fn look(&self, key: &str, now: Instant) -> Result<(), Wait> {
        let inner = self.lock();
        let full_at = inner.buckets.get(key).map_or(now, |bucket| bucket.full_at.max(now)) + self.cost;
        match full_at.saturating_duration_since(now + self.depth) {
            Duration::ZERO => Ok(()),
            over => Err(Wait(over)),
        }
    }
}

impl Inner {
    /// The key to use: the caller's own if it is known or there is room, else the shared one.
    fn room_for<'a>(&mut self, key: &'a str, now: Instant) -> &'a str {
        if self.buckets.len() < MAX_BUCKETS || self.buckets.contains_key(key) {
            return key;
        }
        if self
            .swept
            .is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_EVERY)
        {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| bucket.full_at > now);
        }
        if self.buckets.len() < MAX_BUCKETS { key } else { SHARED }
    }
}

/// Whose bucket: the token's, else the address's.
pub fn key(token: Option<&str>, address: IpAddr) -> String {
    token.map_or_else(|| address_key(address), |token| format!("token {token}"))
}

/// An IPv4 address, or the /64 network of an IPv6 one: whoever has one address there has all of them.
pub fn address_key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests;
