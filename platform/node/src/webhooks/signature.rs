//! Secrets and signatures by the Standard Webhooks scheme (<https://www.standardwebhooks.com>): HMAC-SHA256 over
//! `id.timestamp.body`. Receivers verify with any of its libraries.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// What secrets start with.
const SECRET_PREFIX: &str = "whsec_";

/// A new secret. Fails when the system gives no randomness.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{SECRET_PREFIX}{}", BASE64.encode(&bytes)))
}

/// The header `webhook-signature` of a message sent at this time (seconds since 1970).
pub fn sign(secret: &str, id: &str, timestamp: u64, body: &[u8]) -> String {
    let text = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    // Secrets are made above; one that is no base64 is used as it stands.
    let key = BASE64
        .decode(text.as_bytes())
        .unwrap_or_else(|_| text.as_bytes().to_vec());
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        // HMAC takes keys of every length.
        return String::new();
    };
    mac.update(id.as_bytes());
    mac.update(format!(".{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests;
