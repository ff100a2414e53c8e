//! TLS for the listener: a given certificate, or one that the node makes for itself and keeps.
//!
//! The crypto provider is always named; nothing depends on what else is linked. The certificate in use is looked up at
//! every handshake, so a changed file is taken without a restart; one that cannot be used is reported and the old one
//! stays. A certificate of our own is made anew when its names or its time no longer fit.

mod own;

use node::Api;
use node::config::TlsMode;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Time between two looks at the certificate's files.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// What is spoken inside, the best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS that is set up.
pub struct Tls {
    /// For the handshakes.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as `sha256:` and hexadecimal digits.
    pub fingerprint: String,
}

/// Sets TLS up as the configuration says; none: it is off. Errors name the file and the remedy.
pub fn open(api: &Api, address: SocketAddr) -> Result<Option<Tls>, String> {
    let source = match api.config().http.tls {
        TlsMode::Off => return Ok(None),
        TlsMode::SelfSigned => Source::own(api, address),
        TlsMode::Files => Source::files(api)?,
    };
    let provider = Arc::new(ring::default_provider());
    let key = source.load(&provider)?;
    let fingerprint = fingerprint(&key);
    let certificate = Arc::new(Certificate(RwLock::new(Arc::new(key))));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&certificate) as _;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    api.spawn(watch(source, certificate, provider));
    Ok(Some(Tls {
        config: Arc::new(config),
        fingerprint,
    }))
}

/// The certificate in use.
#[derive(Debug)]
struct Certificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
struct Source {
    chain: PathBuf,
    key: PathBuf,
    /// Names of a certificate of our own.
    own: Option<Vec<String>>,
}

impl Source {
    fn files(api: &Api) -> Result<Self, String> {
        let http = &api.config().http;
        let wanted = |name: &str, path: &Option<PathBuf>| {
            path.clone()
                .ok_or_else(|| format!("http.tls = \"files\" needs http.{name}: name a PEM file"))
        };
        Ok(Self {
            chain: wanted("tls_cert", &http.tls_cert)?,
            key: wanted("tls_key", &http.tls_key)?,
            own: None,
        })
    }

    fn own(api: &Api, address: SocketAddr) -> Self {
        Self {
            chain: api.data_dir().join("tls-cert.pem"),
            key: api.data_dir().join("tls-key.pem"),
            own: Some(own::names(address, &api.config().http.allowed_hosts)),
        }
    }

    /// Reads the files, after making them if they are ours to make.
    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
        if let Some(names) = &self.own {
            own::keep_fresh(&self.chain, &self.key, names, SystemTime::now())?;
        }
        let bad = |path: &Path, what: &str, remedy: &str| format!("{}: {what}; {remedy}", path.display());
        let pem = |path: &Path, error: rustls::pki_types::pem::Error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => bad(
                path,
                "there is nothing of that kind in it",
                "give the chain in http.tls_cert, the key in http.tls_key",
            ),
            error => bad(path, &error.to_string(), "give PEM files that this user may read"),
        };
        let chain = CertificateDer::pem_file_iter(&self.chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| pem(&self.chain, error))?;
        if chain.is_empty() {
            return Err(pem(&self.chain, rustls::pki_types::pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| pem(&self.key, error))?;
        let signing = provider.key_provider.load_private_key(key);
        let signing =
            signing.map_err(|error| bad(&self.key, &error.to_string(), "give an RSA, ECDSA or Ed25519 key"))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => {
                let remedy = "give the key that the certificate was made with";
                Err(bad(
                    &self.key,
                    &format!("it is not the key of {}", self.chain.display()),
                    remedy,
                ))
            }
            Err(error) => Err(bad(&self.chain, &error.to_string(), "give an X.509 certificate in PEM")),
        }
    }

    /// When the files changed last.
    fn changed(&self) -> [Option<SystemTime>; 2] {
        [&self.chain, &self.key].map(|path| std::fs::metadata(path).and_then(|data| data.modified()).ok())
    }
}

/// Takes changed files, and renews a certificate of our own in time.
async fn watch(source: Source, certificate: Arc<Certificate>, provider: Arc<CryptoProvider>) {
    let mut seen = source.changed();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = source.changed();
        if now == seen && source.own.is_none() {
            continue;
        }
        match source.load(&provider) {
            Ok(key) => {
                let renewed = source.changed() != seen;
                if renewed {
                    tracing::info!(fingerprint = fingerprint(&key), "HTTP uses a new certificate");
                }
                *certificate.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                seen = source.changed();
            }
            // Perhaps only one of the two files is written yet: the next look tells.
            Err(error) => tracing::warn!(%error, "the changed certificate is not used; the old one stays"),
        }
    }
}

/// SHA-256 of the certificate, as browsers show it.
fn fingerprint(key: &CertifiedKey) -> String {
    let digest = key.cert.first().map(|certificate| Sha256::digest(certificate.as_ref()));
    let digits = digest.iter().flatten().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests;
