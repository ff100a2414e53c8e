//! The peers of a node: finds them, keeps one connection to each, carries typed messages and gossips signed adverts.
//!
//! A thin facade over iroh (QUIC, ed25519 node keys) and iroh-gossip; no type of theirs is in a public signature except
//! the [`iroh::Endpoint`] that blob transfer shares, and the extra protocol handlers plugged into the same router.
//!
//! Who owns what: [`start`] returns a [`Network`] (a cheap handle) and the one bounded channel of [`PeerEvent`]s. The
//! tasks (dialer, gossip, one per connection) belong to the handle; when the last handle is dropped they are aborted,
//! and [`Network::shutdown`] ends them in order: goodbye to every peer, then the tasks, then the endpoint.
//!
//! The rules of a connection:
//! - One connection per pair of nodes, one stream each way, length-prefixed CBOR frames, [`Message::Hello`] first.
//! - When both dial at once, the node with the smaller id decides: it answers the first hello that reaches it and
//!   closes the other connection as a duplicate. The node with the larger id greets first and regards a connection as
//!   up when it has the answer. So no pair ever has two connections, and none flaps.
//! - A hello of a newer incarnation (the process was restarted; see [`incarnation`]) replaces the old connection.
//! - Whatever a peer sends that is not allowed ends its connection with a reason, never this process. It is held off
//!   for [`MISBEHAVIOUR_HOLD`], in both directions and for every protocol.
//! - Frames in flight when a connection ends are lost; [`PeerEvent::Down`] says so. Nothing is sent twice.
//!
//! After a crash nothing needs repair: the only state on disk is the key file. Peers notice within the idle timeout.
//!
//! [`Message::Hello`]: job_model::Message::Hello

mod address;
mod admission;
mod book;
mod dialer;
mod event;
mod fault;
mod gossip;
mod key;
mod link;
mod network;
mod options;
mod outbox;
mod shared;
mod start;
mod wire;

#[cfg(test)]
mod tests;

pub use admission::MISBEHAVIOUR_HOLD;
pub use event::PeerEvent;
pub use iroh::protocol::DynProtocolHandler;
pub use key::{KeyError, load_or_create_key};
pub use network::{KnownPeer, Network, PeerInfo, SendError};
pub use options::{BootstrapPeer, NetworkOptions, StartError};
pub use shared::incarnation;
pub use start::{Handler, Started, start};
