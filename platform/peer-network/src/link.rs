//! The life of one connection: hellos, then frames both ways until something ends it. The future of [`run`] owns all
//! of it; whoever awaits it (router or dialer) owns the future. Dropping it closes the connection.

use crate::address::path_of;
use crate::admission::MISBEHAVIOUR_HOLD;
use crate::book::REFUSED_WAIT;
use crate::event::PeerEvent;
use crate::fault::{Fault, Misbehaviour};
use crate::outbox::{Traffic, write_loop};
use crate::shared::{Registered, Shared};
use crate::wire::{self, FrameReader, Greeting, LENGTH_BYTES};
use bytes::Bytes;
use iroh::endpoint::{Connection, SendStream, VarInt, WriteError};
use iroh::protocol::{AcceptError, ProtocolHandler};
use job_model::{Message, NodeId, codec};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// How long a peer may take for its hello: many round trips, and little for somebody who only holds a connection open.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a peer may take to hear our goodbye when we shut down.
const GOODBYE_WAIT: Duration = Duration::from_millis(500);
/// Longest reason taken from a goodbye, in characters.
const MAX_REASON_CHARS: usize = 256;
/// Streams a peer may open towards us: the one that carries its frames.
const PEER_STREAMS: u32 = 1;

/// Accepts connections of our protocol.
#[derive(Clone)]
pub(crate) struct LinkHandler(pub Arc<Shared>);

impl std::fmt::Debug for LinkHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkHandler")
    }
}

impl ProtocolHandler for LinkHandler {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        run(self.0.clone(), connection, false).await;
        Ok(())
    }
}

/// Carries a connection from its handshake to its end.
pub(crate) async fn run(shared: Arc<Shared>, connection: Connection, dialled: bool) {
    let peer = NodeId(*connection.remote_id().as_bytes());
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(0));
    connection.set_max_concurrent_uni_streams(VarInt::from_u32(PEER_STREAMS));
    match greet(&shared, &connection, peer).await {
        Ok(up) => serve(&shared, &connection, peer, up).await,
        Err(fault) => {
            close(&connection, &fault);
            never_up(&shared, peer, dialled, fault).await;
        }
    }
}

/// A connection whose hellos are exchanged.
struct Up {
    reader: FrameReader,
    sender: SendStream,
    greeting: Greeting,
    place: Registered,
}

async fn greet(shared: &Shared, connection: &Connection, peer: NodeId) -> Result<Up, Fault> {
    let Ok(_greeting) = shared.greetings.try_acquire() else {
        return Err(Fault::Full { max: shared.max_peers });
    };
    let hellos = async {
        // The smaller id answers; see the crate's documentation for why.
        if shared.me < peer {
            let (reader, greeting) = hear_hello(connection, &peer).await?;
            let place = shared.register(peer, &greeting, connection)?;
            match say_hello(shared, connection).await {
                Ok(sender) => Ok(Up {
                    reader,
                    sender,
                    greeting,
                    place,
                }),
                Err(fault) => {
                    shared.unregister(&peer, place.number, &fault.to_string());
                    place.ended.cancel();
                    Err(fault)
                }
            }
        } else {
            let sender = say_hello(shared, connection).await?;
            let (reader, greeting) = hear_hello(connection, &peer).await?;
            let place = shared.register(peer, &greeting, connection)?;
            Ok(Up {
                reader,
                sender,
                greeting,
                place,
            })
        }
    };
    tokio::select! {
        biased;
        () = shared.closing.cancelled() => Err(Fault::Closing),
        result = timeout(HELLO_TIMEOUT, hellos) => result.unwrap_or(Err(Fault::HelloTimeout(HELLO_TIMEOUT))),
    }
}

async fn hear_hello(connection: &Connection, peer: &NodeId) -> Result<(FrameReader, Greeting), Fault> {
    let mut reader = FrameReader::new(connection.accept_uni().await?);
    let frame = reader.next().await?.ok_or(Misbehaviour::CutFrame)?;
    let greeting = wire::check_hello(&frame, peer)?;
    reader.allow_full_frames();
    Ok((reader, greeting))
}

async fn say_hello(shared: &Shared, connection: &Connection) -> Result<SendStream, Fault> {
    let mut sender = connection.open_uni().await?;
    let hello = codec::encode(&Message::Hello(Box::new(shared.hello())));
    let mut frame = vec![Bytes::copy_from_slice(&wire::length_prefix(&hello)), Bytes::from(hello)];
    sender
        .write_all_chunks(&mut frame)
        .await
        .map_err(|error| write_fault(connection, error))?;
    Ok(sender)
}

/// Tells the node, then moves frames until the connection ends, then tells the node again.
async fn serve(shared: &Arc<Shared>, connection: &Connection, peer: NodeId, up: Up) {
    let Up {
        mut reader,
        sender,
        greeting,
        place,
    } = up;
    let Registered {
        number,
        queue,
        outbox,
        traffic,
        retire,
        ended,
        previous,
    } = place;
    if let Some(previous) = previous {
        previous.cancelled().await;
    }
    let (addr, rtt) = path_of(connection);
    let rtt_us = micros(rtt + shared.added_latency);
    tracing::info!(peer = %peer.short(), agent = greeting.agent, ?addr, "a peer is up");
    let Greeting { agent, advert } = greeting;
    shared
        .emit(PeerEvent::Up {
            peer,
            agent,
            addr,
            rtt_us,
            advert,
        })
        .await;
    shared.wish(|wishes| {
        wishes.join.insert(peer);
        wishes.jobs = true;
    });

    let mut writer = JoinSet::new();
    writer.spawn(write_loop(
        sender,
        queue,
        shared.added_latency,
        traffic.clone(),
        shared.closing.clone(),
    ));
    let fault = tokio::select! {
        biased;
        () = shared.closing.cancelled() => Fault::Closing,
        () = retire.cancelled() => Fault::Replaced,
        fault = read_loop(shared, peer, &mut reader, &traffic) => fault,
        Some(result) = writer.join_next() => writer_fault(connection, result),
    };
    if fault == Fault::Closing {
        let _ = timeout(GOODBYE_WAIT, say_goodbye(&mut writer, &mut reader)).await;
    }
    outbox.close();
    writer.shutdown().await;
    close(connection, &fault);
    after(shared, peer, number, &fault).await;
    ended.cancel();
}

/// Waits until our last frames are written and the peer has closed its side too. What it still sends is dropped.
async fn say_goodbye(writer: &mut JoinSet<Result<(), WriteError>>, reader: &mut FrameReader) {
    while writer.join_next().await.is_some() {}
    while let Ok(Some(_)) = reader.next().await {}
}

async fn read_loop(shared: &Shared, peer: NodeId, reader: &mut FrameReader, traffic: &Traffic) -> Fault {
    loop {
        let frame = match reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Fault::Goodbye("it finished its stream".to_owned()),
            Err(fault) => return fault,
        };
        let bytes = frame.len() + LENGTH_BYTES;
        traffic.add_received(bytes);
        match wire::check_message(&frame) {
            Ok(Message::Bye { reason }) => return Fault::Goodbye(reason.chars().take(MAX_REASON_CHARS).collect()),
            Ok(message) => {
                shared
                    .emit(PeerEvent::Message {
                        from: peer,
                        message,
                        bytes,
                    })
                    .await
            }
            Err(misbehaviour) => return misbehaviour.into(),
        }
    }
}

/// Clears up after a connection that was up.
async fn after(shared: &Shared, peer: NodeId, number: u64, fault: &Fault) {
    let why = fault.to_string();
    tracing::info!(peer = %peer.short(), why, "a peer is down");
    shared.unregister(&peer, number, &why);
    match fault {
        Fault::Misbehaved(_) => blame(shared, peer, &why).await,
        // The peer is dead, so gossip and blob transfer need not wait for their own timeouts.
        Fault::Silent | Fault::Broken(_) => shared.admission.close_others(&peer, &why, |_| true),
        Fault::Replaced => shared.forget_old_place(&peer),
        fault if fault.is_refusal() => refused(shared, peer, &why).await,
        _ => {}
    }
    shared.emit(PeerEvent::Down { peer, why }).await;
}

/// Clears up after a connection that never came up.
async fn never_up(shared: &Shared, peer: NodeId, dialled: bool, fault: Fault) {
    let why = fault.to_string();
    tracing::debug!(peer = %peer.short(), why, dialled, "a connection did not come up");
    match &fault {
        Fault::Misbehaved(_) => blame(shared, peer, &why).await,
        fault if fault.is_refusal() => refused(shared, peer, &why).await,
        fault if !dialled => tracing::trace!(?fault, "an incoming connection did not come up"),
        fault if fault.is_duplicate() => shared.state().book.dial_unneeded(&peer, Instant::now()),
        _ => shared.state().book.dial_failed(&peer, Instant::now(), why),
    }
    if dialled {
        shared.dial_wake.notify_one();
    }
}

async fn blame(shared: &Shared, peer: NodeId, why: &str) {
    tracing::warn!(peer = %peer.short(), why, "a peer broke the rules and is held off");
    let now = Instant::now();
    shared.admission.hold(peer, now, why.to_owned());
    shared.admission.close_others(&peer, why, |_| true);
    shared
        .state()
        .book
        .wait_until(peer, now + MISBEHAVIOUR_HOLD, why.to_owned());
    shared
        .emit(PeerEvent::Misbehaved {
            peer,
            why: why.to_owned(),
        })
        .await;
}

async fn refused(shared: &Shared, peer: NodeId, why: &str) {
    let new = shared
        .state()
        .book
        .wait_until(peer, Instant::now() + REFUSED_WAIT, why.to_owned());
    if new {
        tracing::warn!(peer = %peer.short(), why, "a peer and this node do not talk");
        shared
            .emit(PeerEvent::Refused {
                peer,
                why: why.to_owned(),
            })
            .await;
    }
}

fn close(connection: &Connection, fault: &Fault) {
    connection.close(fault.code(), fault.reason_for_peer().as_bytes());
}

fn writer_fault(connection: &Connection, result: Result<Result<(), WriteError>, JoinError>) -> Fault {
    match result {
        Ok(Ok(())) => Fault::Closing,
        Ok(Err(error)) => write_fault(connection, error),
        Err(error) => Fault::Broken(error.to_string()),
    }
}

/// The connection's own reason says more than the stream's.
fn write_fault(connection: &Connection, error: WriteError) -> Fault {
    match connection.close_reason() {
        Some(reason) => reason.into(),
        None => Fault::Broken(error.to_string()),
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
