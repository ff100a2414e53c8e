//! Builds a network: endpoint, gossip, router, tasks. Owns nothing afterwards; a failure leaves nothing running.

use crate::admission::{Admission, Doorkeeper};
use crate::event::PeerEvent;
use crate::link::LinkHandler;
use crate::network::{EVENT_QUEUE, Network};
use crate::options::{NetworkOptions, StartError};
use crate::shared::{Parts, Shared};
use crate::{dialer, gossip};
use iroh::address_lookup::MemoryLookup;
use iroh::endpoint::{BindError, PortmapperConfig, QuicTransportConfig, presets};
use iroh::protocol::{DynProtocolHandler, Router};
use iroh::{Endpoint, RelayMode, SecretKey};
use iroh_gossip::net::{GOSSIP_ALPN, Gossip};
use job_model::message::ALPN;
use job_model::{Capability, Load};
use n0_future::boxed::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Idle timeout of all other protocols (gossip, blobs). Slow, because our own connection notices a dead peer first and
/// then ends theirs; probing each of them every half second would cost an idle node most of its CPU.
const OTHERS_IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Keep-alive of all other protocols: a third of their idle timeout.
const OTHERS_KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Room for gossip's own headers around a payload, in bytes.
const GOSSIP_HEADER_BYTES: usize = 512;

/// Starts a network. `handlers` are further protocols on the same endpoint, such as blob transfer; `first_advert` is
/// what the node says of itself until [`Network::set_advert`]. Read the events steadily: they are the only way in which
/// messages arrive, and a full channel slows the peers down.
///
/// Boxed, so that the transport's generic code is compiled in this crate and not again in its users.
pub fn start(options: NetworkOptions, handlers: Vec<Handler>, first_advert: (Capability, Load)) -> BoxFuture<Started> {
    Box::pin(start_impl(options, handlers, first_advert))
}

/// A protocol to accept besides our own: its ALPN and its handler.
pub type Handler = (Vec<u8>, Box<dyn DynProtocolHandler>);

/// A network that is up, and what it tells.
pub type Started = Result<(Network, mpsc::Receiver<PeerEvent>), StartError>;

async fn start_impl(options: NetworkOptions, handlers: Vec<Handler>, first_advert: (Capability, Load)) -> Started {
    check(&options)?;
    let fast = transport(options.idle_timeout, options.keep_alive)?;
    let admission = Arc::new(Admission::new(options.allow.clone(), options.deny.clone()));
    let lookup = MemoryLookup::new();
    let endpoint = bind(&options, lookup.clone(), admission.clone()).await?;
    let (events, receiver) = mpsc::channel(EVENT_QUEUE);
    let shared = Arc::new(Shared::new(Parts {
        agent: options.agent,
        added_latency: options.added_latency.unwrap_or_default(),
        max_peers: options.max_peers,
        endpoint: endpoint.clone(),
        lookup,
        admission,
        events,
        first_advert,
        key: options.key,
    }));
    for peer in options.bootstrap {
        shared.state().book.add_bootstrap(peer, Instant::now());
        shared.publish_addresses(&peer.node, &[peer.addr]);
    }
    let talk = Gossip::builder()
        .max_message_size(gossip::MAX_PAYLOAD_BYTES + GOSSIP_HEADER_BYTES)
        .spawn(endpoint.clone());
    let topic = gossip::join(&talk, &options.network_name).await;
    let (sender, messages) = match topic {
        Ok(topic) => topic,
        Err(why) => {
            endpoint.close().await;
            return Err(StartError::Gossip(why));
        }
    };
    let mut router = Router::builder(endpoint)
        .accept(ALPN, LinkHandler(shared.clone()))
        .accept(GOSSIP_ALPN, talk);
    for (alpn, handler) in handlers {
        router = router.accept(alpn, handler);
    }
    let router = router.spawn();
    let mut tasks = JoinSet::new();
    tasks.spawn(dialer::run(shared.clone(), fast));
    tasks.spawn(gossip::run(shared.clone(), sender, messages));
    Ok((Network::new(shared, router, tasks), receiver))
}

fn check(options: &NetworkOptions) -> Result<(), StartError> {
    if options.keep_alive.is_zero() || options.keep_alive * 2 > options.idle_timeout {
        return Err(StartError::Options(
            "keep_alive must be more than zero and at most half of idle_timeout",
        ));
    }
    if options.max_peers == 0 {
        return Err(StartError::Options("max_peers must be at least 1"));
    }
    Ok(())
}

/// The connection's idle timeout decides; each side's effective value is the smaller of both sides'.
fn transport(idle: Duration, keep_alive: Duration) -> Result<QuicTransportConfig, StartError> {
    let idle = idle
        .try_into()
        .map_err(|_| StartError::Options("idle_timeout is too long"))?;
    Ok(QuicTransportConfig::builder()
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(keep_alive)
        .build())
}

/// An endpoint that talks to nobody but our peers: no relay, no look-up service, no port mapping.
async fn bind(
    options: &NetworkOptions,
    lookup: MemoryLookup,
    admission: Arc<Admission>,
) -> Result<Endpoint, StartError> {
    let addr = options.bind;
    let refused = |why: String| StartError::Bind { addr, why };
    let builder = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&options.key.to_bytes()))
        .relay_mode(RelayMode::Disabled)
        .portmapper_config(PortmapperConfig::Disabled)
        .clear_ip_transports()
        .bind_addr(addr)
        .map_err(|error| refused(error.to_string()))?
        .address_lookup(lookup)
        .transport_config(transport(OTHERS_IDLE_TIMEOUT, OTHERS_KEEP_ALIVE)?)
        .hooks(Doorkeeper(admission));
    builder.bind().await.map_err(|error| match error {
        BindError::Sockets { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            StartError::PortInUse { addr }
        }
        other => refused(format!("{other:#}")),
    })
}
