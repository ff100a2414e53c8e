//! The listener: binds, accepts, encrypts, bounds, and ends with the node.
//!
//! Owns the socket and every connection. When the node stops: no more connections are taken, streams end, idle
//! connections are closed, running requests get [`GRACE`], and what is left is dropped.

mod connection;
mod share;
mod timed;

use crate::access::{self, Gate};
use crate::routes;
use crate::state::AppState;
use crate::tls::{self, Tls};
use axum::Router;
use connection::{Limits, serve};
use node::config::TlsMode;
use node::{Api, Front, FrontInfo};
use share::Shares;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The port people know.
const DEFAULT_PORT: u16 = 4780;
/// How long running requests get when the node stops. Less than the node gives its front.
const GRACE: Duration = Duration::from_secs(3);
/// Pause after a failed accept: the process has too many open files, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves a node over HTTP as its configuration says.
pub fn front() -> Front {
    // Before the node starts, so that its counters find the recorder.
    crate::routes::metrics::install();
    Box::new(|api| Box::pin(start(api)))
}

/// What all connections share.
pub struct Serving {
    router: Router,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    /// Whether browsers are to insist on TLS.
    strict: bool,
    stopping: CancellationToken,
}

async fn start(api: Api) -> Result<FrontInfo, String> {
    let http = api.config().http.clone();
    let listener = bind(http.listen).await?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let tls = tls::open(&api, address)?;
    if tls.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "HTTP without TLS is reached from other machines: tokens can be read on the way; set http.tls");
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let fingerprint = tls.as_ref().map(|tls| tls.fingerprint.clone());
    match &fingerprint {
        Some(fingerprint) => tracing::info!(%url, %fingerprint, "serves HTTP"),
        None => tracing::info!(%url, "serves HTTP"),
    }
    let gate = Gate::open(api.clone())?;
    let stopping = api.stopping();
    let serving = Arc::new(Serving {
        tls: tls.map(|Tls { config, .. }| TlsAcceptor::from(config)),
        router: access::protect(routes::router(AppState::new(api)), gate),
        limits: Limits::new(Duration::from_millis(http.read_timeout_ms)),
        strict: http.tls == TlsMode::Files,
        stopping,
    });
    let most = usize::try_from(http.max_connections)
        .unwrap_or(usize::MAX)
        .clamp(1, Semaphore::MAX_PERMITS);
    Ok(FrontInfo {
        url,
        fingerprint,
        serving: tokio::spawn(accept(listener, serving, most)),
    })
}

/// Takes connections until the node stops, then sees them out.
async fn accept(listener: TcpListener, serving: Arc<Serving>, most: usize) {
    let permits = Arc::new(Semaphore::new(most));
    let shares = Shares::new(most);
    let connections = TaskTracker::new();
    while let Some((permit, accepted)) = next(&listener, &permits, &serving.stopping).await {
        let (socket, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(share) = shares.take(address.ip()) else {
            connection::refuse(&socket, serving.tls.is_some());
            continue;
        };
        let serving = Arc::clone(&serving);
        connections.spawn(async move {
            let patience_ends = async {
                serving.stopping.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                () = serve(&serving, socket, address) => {}
                () = patience_ends => tracing::debug!(%address, "a connection is dropped"),
            }
            drop((permit, share));
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

type Accepted = std::io::Result<(TcpStream, SocketAddr)>;

/// The next connection, once one more may be open; none when the node stops.
async fn next(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stopping: &CancellationToken,
) -> Option<(tokio::sync::OwnedSemaphorePermit, Accepted)> {
    let accepting = async {
        // Nobody closes the semaphore.
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        Some((permit, listener.accept().await))
    };
    tokio::select! {
        () = stopping.cancelled() => None,
        accepted = accepting => accepted,
    }
}

async fn bind(wanted: Option<SocketAddr>) -> Result<TcpListener, String> {
    let address = wanted.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into());
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(_) if wanted.is_none() => {
            let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            any.map_err(|error| format!("no port of 127.0.0.1 can be had for HTTP: {error}"))
        }
        Err(error) => Err(format!(
            "cannot listen on http.listen = {address}: {error}; choose another address, or http.enabled = false"
        )),
    }
}
