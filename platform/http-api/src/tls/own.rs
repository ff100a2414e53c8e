//! The node's own certificate: `tls-cert.pem`, `tls-key.pem` (0600), and `tls-cert.json`, which says what it is for.

use node::access::{read_private, write_private};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long it is valid: not longer than browsers like.
const VALID: Duration = Duration::from_secs(397 * 24 * 3_600);
/// It is made anew when less than this is left.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Clocks of clients may be this much behind.
const SKEW: Duration = Duration::from_secs(24 * 3_600);
/// More than this many bytes are no description of ours.
const MAX_BYTES: u64 = 1 << 20;

/// What a certificate is for.
#[derive(PartialEq, Eq, Debug, Serialize, Deserialize)]
struct About {
    names: Vec<String>,
    /// Seconds since 1970.
    not_after: u64,
}

/// Names under which a node is reached at an address.
pub fn names(address: SocketAddr, allowed_hosts: &[String]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !address.ip().is_unspecified() {
        names.push(address.ip().to_string());
    }
    names.extend(allowed_hosts.iter().map(|host| host.to_ascii_lowercase()));
    names.sort();
    names.dedup();
    names
}

/// Makes certificate and key unless those that lie there still fit.
pub fn keep_fresh(chain: &Path, key: &Path, names: &[String], now: SystemTime) -> Result<(), String> {
    let about = chain.with_extension("json");
    let fits = chain.is_file() && key.is_file() && still_good(&about, names, now);
    if fits { Ok(()) } else { make(chain, key, names, now) }
}

fn still_good(about: &Path, names: &[String], now: SystemTime) -> bool {
    // Whatever is wrong with it: a new certificate is made.
    let read = read_private(about, MAX_BYTES).ok().flatten();
    let read: Option<About> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.is_some_and(|about| {
        let end = UNIX_EPOCH + Duration::from_secs(about.not_after);
        about.names == names && end.duration_since(now).is_ok_and(|left| left > RENEW_BEFORE)
    })
}

fn make(chain: &Path, key: &Path, names: &[String], now: SystemTime) -> Result<(), String> {
    let failed = |error: rcgen::Error| {
        format!(
            "cannot make a certificate for {}: {error}; check http.allowed_hosts",
            names.join(", ")
        )
    };
    let mut params = CertificateParams::new(names.to_vec()).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "p2pjob node");
    params.not_before = (now - SKEW).into();
    params.not_after = (now + VALID).into();
    let pair = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&pair).map_err(failed)?;
    let end = (now + VALID).duration_since(UNIX_EPOCH).unwrap_or_default();
    let about = About {
        names: names.to_vec(),
        not_after: end.as_secs(),
    };
    let about_bytes = serde_json::to_vec(&about).unwrap_or_default();
    // The description last: without it, a crash in between makes all three anew.
    let files = [
        (key.to_owned(), pair.serialize_pem().into_bytes()),
        (chain.to_owned(), certificate.pem().into_bytes()),
        (chain.with_extension("json"), about_bytes),
    ];
    for (path, bytes) in files {
        write_private(&path, &bytes).map_err(|error| error.to_string())?;
    }
    Ok(())
}
