//! Ids and addresses between our words and the transport's. Pure look-ups; owns nothing.

use crate::wire::MAX_ADDRESSES;
use iroh::endpoint::{Connection, PathId};
use iroh::{Endpoint, EndpointAddr, EndpointId, TransportAddr};
use job_model::NodeId;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// An id as the transport writes it; none if it is no valid key.
pub(crate) fn endpoint_id(node: &NodeId) -> Option<EndpointId> {
    EndpointId::from_bytes(node.as_bytes()).ok()
}

/// Id and addresses as the transport writes them; none if the id is no valid key.
pub(crate) fn endpoint_addr(node: &NodeId, addresses: &[SocketAddr]) -> Option<EndpointAddr> {
    let id = endpoint_id(node)?;
    Some(EndpointAddr::from_parts(
        id,
        addresses.iter().copied().map(TransportAddr::Ip),
    ))
}

/// Where we listen: the bound address, or those of all interfaces if none was named.
pub(crate) fn listening_addresses(endpoint: &Endpoint) -> Vec<SocketAddr> {
    let bound = endpoint.bound_sockets();
    let mut addresses: Vec<SocketAddr> = bound
        .iter()
        .copied()
        .filter(|addr| !addr.ip().is_unspecified())
        .collect();
    if addresses.len() < bound.len() {
        addresses.extend(endpoint.addr().ip_addrs().copied());
        if addresses.is_empty() {
            // No network but this machine itself.
            addresses.extend(
                bound
                    .iter()
                    .map(|addr| SocketAddr::from((Ipv4Addr::LOCALHOST, addr.port()))),
            );
        }
    }
    addresses.sort();
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

/// Where the peer is and how far, as far as the transport knows.
pub(crate) fn path_of(connection: &Connection) -> (Option<SocketAddr>, Duration) {
    let paths = connection.paths();
    let best = paths
        .iter()
        .find(|path| path.is_selected())
        .or_else(|| paths.iter().next());
    let addr = best.as_ref().and_then(|path| match path.remote_addr() {
        TransportAddr::Ip(addr) => Some(*addr),
        _ => None,
    });
    let rtt = best
        .map(|path| path.rtt())
        .or_else(|| connection.rtt(PathId::ZERO))
        .unwrap_or_default();
    (addr, rtt)
}
