//! One connection: TLS if it is on, then HTTP/1.1 or HTTP/2, with limits on everything the other end decides.

use super::Serving;
use super::timed::Timed;
use crate::access::Peer;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::Service;

/// Largest head of a request, in bytes: a cookie, a token, and long paths fit many times.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Requests at the same time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Time between two probes of a silent HTTP/2 connection.
const PROBE_EVERY: Duration = Duration::from_secs(20);
/// How long the answer to a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that HTTP/2 buffers for one stream.
const MAX_SEND_BUFFER_BYTES: usize = 256 << 10;
/// Bytes of a body that may be on their way before the handler has taken them, per HTTP/2 stream and connection.
const WINDOW_BYTES: u32 = 1 << 20;
/// First byte of every TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;
/// What somebody who speaks plain HTTP to a TLS port is told.
const SPEAKS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    this port speaks TLS: use https://\n";
/// What an address with too many connections is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
    retry-after: 1\r\nconnection: close\r\n\r\n\
    {\"status\":503,\"code\":\"too_many_connections\",\"title\":\"Service Unavailable\",\"detail\":\"this address has \
    its share of http.max_connections\",\"remedy\":\"close some, or use fewer at a time\"}\n";
/// Bytes of a request that is turned away, read so that the answer is not lost in a reset.
const DISCARDED_BYTES: usize = 4 << 10;

/// How patient a connection is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    read_timeout: Duration,
}

impl Limits {
    /// `read_timeout` bounds the head of a request, idle time, the handshake, and a client that does not read.
    pub fn new(read_timeout: Duration) -> Self {
        Self { read_timeout }
    }
}

/// Turns a connection away with a word, if it can be said in one piece.
pub fn refuse(socket: &TcpStream, tls: bool) {
    tracing::debug!("an address has its share of connections");
    if !tls {
        say_and_close(socket, TOO_MANY);
    }
}

/// Takes what lies there, and answers. The connection is over anyway, so what fails is not looked at.
fn say_and_close(socket: &TcpStream, text: &[u8]) {
    let mut discarded = [0; DISCARDED_BYTES];
    let _ = socket.try_read(&mut discarded);
    let _ = socket.try_write(text);
}

/// Serves a connection to its end.
pub async fn serve(serving: &Serving, socket: TcpStream, address: SocketAddr) {
    let patience = serving.limits.read_timeout;
    // Small answers are not held back; a socket that refuses this is ending.
    let _ = socket.set_nodelay(true);
    let peer = Peer {
        address,
        tls: serving.tls.is_some(),
        strict: serving.strict,
    };
    let Some(acceptor) = &serving.tls else {
        return speak_http1(serving, peer, Timed::new(socket, patience)).await;
    };
    let mut first = [0];
    match tokio::time::timeout(patience, socket.peek(&mut first)).await {
        Ok(Ok(1)) if first == [TLS_HANDSHAKE] => {}
        Ok(Ok(1)) => {
            say_and_close(&socket, SPEAKS_TLS);
            return;
        }
        _ => return,
    }
    let handshake = acceptor.accept(Timed::new(socket, patience));
    let stream = match tokio::time::timeout(patience, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        speak_http2(serving, peer, stream).await;
    } else {
        speak_http1(serving, peer, stream).await;
    }
}

async fn answer(serving: &Serving, peer: Peer, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    // A router is always ready.
    serving.router.clone().call(request).await
}

async fn speak_http1<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(serving: &Serving, peer: Peer, stream: S) {
    let service = service_fn(|request| answer(serving, peer, request));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(serving.limits.read_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD_BYTES);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = serving.stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %peer.address, "a connection ended");
    }
}

async fn speak_http2<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(serving: &Serving, peer: Peer, stream: S) {
    let router = serving.router.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .max_send_buf_size(MAX_SEND_BUFFER_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(PROBE_EVERY)
        .keep_alive_timeout(PROBE_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = serving.stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, peer = %peer.address, "a connection ended");
    }
}
