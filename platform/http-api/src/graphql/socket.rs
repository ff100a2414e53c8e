//! Subscriptions over WebSocket (`graphql-transport-ws`, and the older `graphql-ws`). One task per connection; it ends with
//! the client, the node, or the caller's token. Nothing of it survives.

use super::limits::Bounded;
use super::{MAX_MESSAGE_BYTES, Schema, SchemaHandle};
use crate::access::until_over;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use async_graphql::http::ALL_WEBSOCKET_PROTOCOLS;
use async_graphql::{Data, Error};
use async_graphql_axum::{GraphQLProtocol, GraphQLWebSocket};
use axum::Extension;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::PollSender;

/// How long a client may take for `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A client that has said nothing for so long, not even an answer to a ping, is gone.
const SILENCE: Duration = Duration::from_secs(90);
/// Messages that may wait for a slow client; more make its subscriptions wait.
const OUT_QUEUE: usize = 16;

/// `GET /graphql/ws`.
pub async fn serve(
    State(state): State<AppState>,
    Extension(schema): Extension<SchemaHandle>,
    caller: Option<Extension<Caller>>,
    peer: Option<Extension<crate::access::Peer>>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let Ok(protocol) = GraphQLProtocol::from_request_parts(&mut parts, &()).await else {
        let remedy = "send `Sec-WebSocket-Protocol: graphql-transport-ws`";
        return Problem::bad_input("the WebSocket protocol is not one of GraphQL", remedy).into_response();
    };
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let status = rejection.into_response().status();
            let status = if status.is_server_error() {
                StatusCode::BAD_REQUEST
            } else {
                status
            };
            return Problem::new(status, "upgrade_required", "this address speaks WebSocket", "").into_response();
        }
    };
    let caller = caller.map(|Extension(caller)| caller);
    let known = caller.as_ref().map(|caller| caller.address);
    let address = known.or(peer.map(|Extension(peer)| peer.address.ip().to_canonical()));
    let Some(address) = address else {
        return Problem::unauthenticated().into_response();
    };
    upgrade
        .protocols(ALL_WEBSOCKET_PROTOCOLS)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| talk(socket, protocol, schema.0, (state, caller, address)))
}

/// Serves an open connection to its end.
async fn talk(
    socket: WebSocket,
    protocol: GraphQLProtocol,
    schema: Schema,
    (state, caller, address): (AppState, Option<Caller>, IpAddr),
) {
    let (entered, entry) = watch::channel(None);
    let login = Login {
        state: state.clone(),
        caller,
        address,
        entered,
    };
    let mut session = Data::default();
    session.insert(state.clone());
    let (sink, stream) = socket.split();
    let (heard, last) = watch::channel(Instant::now());
    let stream = stream.inspect(move |_| {
        heard.send_replace(Instant::now());
    });
    let (out, waiting) = mpsc::channel(OUT_QUEUE);
    let serving = GraphQLWebSocket::new_with_pair(PollSender::new(out), stream, Bounded::new(schema), protocol)
        .with_data(session)
        .on_connection_init(move |payload| login.enter(payload))
        .serve();
    let pumping = pump(waiting, sink, last);
    tokio::pin!(pumping);
    let both = async {
        tokio::select! {
            () = serving => pumping.await,
            () = &mut pumping => {}
        }
    };
    tokio::select! {
        () = both => {}
        () = until_end(state, entry) => {}
    }
}

/// Sends what waits, and pings: a client that is gone without a word does not answer them.
async fn pump(
    mut waiting: mpsc::Receiver<Message>,
    mut sink: SplitSink<WebSocket, Message>,
    last: watch::Receiver<Instant>,
) {
    let mut ticks = tokio::time::interval(PING_EVERY);
    loop {
        let message = tokio::select! {
            message = waiting.recv() => match message {
                Some(message) => message,
                None => break,
            },
            _ = ticks.tick() => {
                if last.borrow().elapsed() > SILENCE {
                    return;
                }
                Message::Ping(Bytes::new())
            }
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    // What was sent last may be why the connection ends.
    let _ = sink.close().await;
}

/// Resolves when the connection must end: nobody entered in time, or who entered may not be here any more.
async fn until_end(state: AppState, mut entry: watch::Receiver<Option<Option<String>>>) {
    let entered = async {
        entry
            .wait_for(Option::is_some)
            .await
            .ok()
            .map(|token| token.clone().flatten())
    };
    match tokio::time::timeout(INIT_TIMEOUT, entered).await {
        Ok(Some(token)) => until_over(state.api.clone(), token).await,
        // Refused; the client is told before its connection is closed.
        Ok(None) => std::future::pending().await,
        Err(_) => {}
    }
}

/// Who a connection is of.
struct Login {
    state: AppState,
    /// As the upgrade's headers showed.
    caller: Option<Caller>,
    address: IpAddr,
    entered: watch::Sender<Option<Option<String>>>,
}

impl Login {
    async fn enter(self, payload: Value) -> Result<Data, Error> {
        let given = ["authorization", "Authorization"]
            .iter()
            .find_map(|name| payload.get(name));
        let caller = match given {
            None => self
                .caller
                .ok_or_else(|| Error::new("this needs a token: send {\"authorization\": \"Bearer TOKEN\"}"))?,
            Some(given) => {
                let text = given.as_str().unwrap_or_default();
                let token = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer "));
                let token = token.ok_or_else(|| Error::new("expected {\"authorization\": \"Bearer TOKEN\"}"))?;
                let grant = self.state.api.tokens().check(token.trim(), self.state.api.now());
                let grant = grant.map_err(|problem| Error::new(problem.to_string()))?;
                Caller {
                    role: grant.role,
                    name: grant.name,
                    token: Some(grant.id),
                    own_only: grant.own_only,
                    address: self.address,
                }
            }
        };
        // The connection ends with it.
        let _ = self.entered.send(Some(caller.token.clone()));
        let mut data = Data::default();
        data.insert(caller);
        Ok(data)
    }
}
