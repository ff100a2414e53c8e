//! Calling receivers: which URLs are allowed, how names are looked up, and one call with its evidence.
//!
//! No call reaches an address that is not public, unless the configuration allows it: addresses written in the URL are
//! checked before each call, those of names after each look-up, so a name that changes its mind gains nothing.

use super::address::refusal;
use super::types::Attempt;
use crate::context::now;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, Url};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// What is kept of an answer, in bytes: enough for an error message.
const MAX_ANSWER_BYTES: usize = 2_048;
/// How long a connection is kept for the next message to the same receiver.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// Idle connections per receiver.
const MAX_IDLE_CONNECTIONS: usize = 2;
/// The only scheme of public receivers.
const HTTPS_ONLY: &str = "https://";
/// What to do about a private receiver.
pub const REMEDY_PRIVATE: &str = "set webhooks.allow_private = true if receivers in private networks are wanted";

/// Why a URL is no receiver.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It does not parse.
    #[error("the url is not valid: {0}")]
    Malformed(String),
    /// Another scheme.
    #[error("the url must begin with {allowed}, not {scheme}://")]
    Scheme {
        /// What it says.
        scheme: String,
        /// What it may say.
        allowed: &'static str,
    },
    /// Name and password in it: they would stand in logs.
    #[error("the url must not hold a user or password; bodies are signed with the hook's secret instead")]
    UserInfo,
    /// It points to where no webhook may go.
    #[error("{0} is {1}: webhooks do not call addresses that are not public")]
    Private(String, &'static str),
    /// Too long.
    #[error("the url has {0} bytes, at most {MAX_URL_BYTES} are allowed")]
    TooLong(usize),
}

/// A receiver's URL, checked as far as can be without a look-up.
pub fn check_url(text: &str, allow_private: bool) -> Result<Url, TargetError> {
    if text.len() > MAX_URL_BYTES {
        return Err(TargetError::TooLong(text.len()));
    }
    let url = Url::parse(text).map_err(|error| TargetError::Malformed(error.to_string()))?;
    let scheme_fits = url.scheme() == "https" || (allow_private && url.scheme() == "http");
    if !scheme_fits {
        return Err(TargetError::Scheme {
            scheme: url.scheme().to_owned(),
            allowed: if allow_private {
                "https:// or http://"
            } else {
                HTTPS_ONLY
            },
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::UserInfo);
    }
    if let Some(address) = literal(&url)
        && let Some(why) = refusal(address).filter(|_| !allow_private)
    {
        return Err(TargetError::Private(address.to_string(), why));
    }
    Ok(url)
}

/// The address that a URL names without a look-up.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Like [`check_url`], with a look-up of the name. A name that cannot be looked up now is allowed: it is checked again
/// at each call.
pub async fn check_target(text: &str, allow_private: bool) -> Result<Url, TargetError> {
    let url = check_url(text, allow_private)?;
    let Some(host) = url.host_str().filter(|_| !allow_private && literal(&url).is_none()) else {
        return Ok(url);
    };
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => found.collect(),
        Err(_) => Vec::new(),
    };
    let reasons: Vec<&'static str> = found.iter().filter_map(|address| refusal(address.ip())).collect();
    match reasons.first() {
        Some(why) if reasons.len() == found.len() => Err(TargetError::Private(host.to_owned(), why)),
        _ => Ok(url),
    }
}

/// Looks names up and keeps only public addresses.
struct PublicOnly {
    allow_private: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (mut kept, mut refused) = (Vec::new(), None);
            for address in found {
                match refusal(address.ip()).filter(|_| !allow_private) {
                    None => kept.push(address),
                    Some(why) => refused = Some(why),
                }
            }
            match refused.filter(|_| kept.is_empty()) {
                Some(why) => Err(TargetError::Private(name.as_str().to_owned(), why).into()),
                None => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

pub(crate) fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = || ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    match builder()?.with_platform_verifier() {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "this machine has no usable CA certificates: calls over https will fail");
            let nobody = rustls::RootCertStore::empty();
            Ok(builder()?.with_root_certificates(nobody).with_no_client_auth())
        }
    }
}

/// Calls receivers.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    allow_private: bool,
    timeout: Duration,
}

/// One message to a receiver.
pub struct Message<'a> {
    /// Where to.
    pub url: &'a str,
    /// The header `webhook-id`.
    pub id: &'a str,
    /// What it is signed with.
    pub secret: &'a str,
    /// The JSON.
    pub body: Bytes,
}

impl Caller {
    /// A caller; reads the system's certificates once. Fails when the TLS library cannot be set up.
    pub fn new(allow_private: bool, timeout_ms: u64) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls().map_err(|error| error.to_string())?)
            .dns_resolver(Arc::new(PublicOnly { allow_private }))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .https_only(!allow_private)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .user_agent(concat!("p2pjob/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| causes(&error))?;
        Ok(Self {
            client,
            allow_private,
            timeout: Duration::from_millis(timeout_ms.max(1)),
        })
    }

    /// Sends one message once.
    pub async fn call(&self, message: Message<'_>) -> Attempt {
        let (at, started) = (now(), Instant::now());
        let mut attempt = Attempt {
            at,
            duration_ms: 0,
            status: None,
            error: None,
            answer: String::new(),
            retry_after_ms: None,
        };
        match self.send(&message, at.0 / 1_000).await {
            Ok(response) => read_answer(response, &mut attempt, self.timeout.saturating_sub(started.elapsed())).await,
            Err(error) => attempt.error = Some(error),
        }
        attempt.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        attempt
    }

    async fn send(&self, message: &Message<'_>, timestamp: u64) -> Result<Response, String> {
        let url = check_url(message.url, self.allow_private).map_err(|error| error.to_string())?;
        let signature = super::signature::sign(message.secret, message.id, timestamp, &message.body);
        let request = self
            .client
            .post(url)
            .timeout(self.timeout)
            .header("content-type", "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(message.body.clone());
        request.send().await.map_err(|error| match error.is_timeout() {
            true => format!("no answer within {} ms", self.timeout.as_millis()),
            false => causes(&error),
        })
    }
}

/// Status and first bytes of an answer. A receiver that has said 2xx has taken the message, however its answer ends.
async fn read_answer(mut response: Response, attempt: &mut Attempt, left: Duration) {
    let status = response.status();
    attempt.status = Some(status.as_u16());
    let after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok());
    attempt.retry_after_ms = after
        .and_then(|text| text.parse::<u64>().ok())
        .map(|s| s.saturating_mul(1_000));
    let mut bytes: Vec<u8> = Vec::new();
    let reading = async {
        while bytes.len() < MAX_ANSWER_BYTES {
            let Ok(Some(piece)) = response.chunk().await else { break };
            let room = MAX_ANSWER_BYTES - bytes.len();
            bytes.extend(piece.iter().take(room));
        }
    };
    // An answer that does not end is cut; its status counts.
    let _ = tokio::time::timeout(left, reading).await;
    attempt.answer = String::from_utf8_lossy(&bytes).into_owned();
    if status.is_redirection() {
        attempt.error = Some(format!("answered {status}; redirects are not followed"));
    } else if !status.is_success() {
        attempt.error = Some(format!("answered {status}"));
    }
}

/// An error with its causes, without the URL.
fn causes(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source().or(Some(error));
    while let Some(error) = next {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests;
