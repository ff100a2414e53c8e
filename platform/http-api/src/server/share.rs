//! How many connections one address may have: no single one may take them all. Forgotten with the process.

use crate::limits::address_key;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// One address (IPv6: one /64 network) may have this part of all connections.
const PART: usize = 2;

/// Open connections per address; at most as many entries as connections.
#[derive(Clone)]
pub struct Shares {
    most: usize,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// One connection of an address. Dropping it gives it back.
pub struct Share {
    shares: Shares,
    key: String,
}

impl Shares {
    /// Of so many connections altogether.
    pub fn new(all: usize) -> Self {
        Self {
            most: all.div_ceil(PART),
            open: Arc::default(),
        }
    }

    /// One more, unless the address has its share.
    pub fn take(&self, address: IpAddr) -> Option<Share> {
        let key = address_key(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Share {
            shares: self.clone(),
            key,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.shares.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
