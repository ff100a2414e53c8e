//! From the node's configuration to the options of the crates below. Pure.

use crate::config::{Faults, NodeConfig};
use job_model::sign::NodeKey;
use job_model::{BlobHash, MicroCredits};
use market::{MarketOptions, PriceOptions};
use peer_network::{BootstrapPeer, NetworkOptions};
use scheduler::SchedulerOptions;
use std::time::Duration;

/// Placement and retries.
pub fn scheduler(config: &NodeConfig, key: &NodeKey) -> SchedulerOptions {
    let defaults = SchedulerOptions::default();
    SchedulerOptions {
        hedge_factor: config.scheduler.hedge_factor.max(1.0) as u32,
        hedge_min_ms: config.scheduler.hedge_min_ms,
        max_attempts: config.scheduler.max_attempts,
        // Spot checks must not be predictable by workers, and must be the same after a restart.
        secret: BlobHash::of(&key.sign("spot-secret", b"1").0).0,
        ..defaults
    }
}

/// Prices and credits.
pub fn market(config: &NodeConfig) -> MarketOptions {
    let micro = |credits: f64| MicroCredits((credits * 1e6) as i64);
    let prices = &config.prices;
    MarketOptions {
        prices: PriceOptions {
            base_cpu_price: prices.base_cpu_price,
            base_gpu_price: prices.base_gpu_price,
            base_ram_price: prices.base_ram_price,
            base_disk_price: prices.base_disk_price,
            market_adjustment_rate: prices.adjustment_rate,
            price_smoothing: prices.price_smoothing,
            ..PriceOptions::default()
        },
        initial_credits: micro(config.credits.initial),
        max_balance: micro(config.credits.max_balance),
        credit: market::CreditOptions {
            newcomer_budget: micro(config.credits.newcomer_budget),
            ..market::CreditOptions::default()
        },
        ..MarketOptions::default()
    }
}

/// Peers.
pub fn network(config: &NodeConfig, faults: &Faults, key: NodeKey) -> NetworkOptions {
    let network = &config.network;
    NetworkOptions {
        bind: network.listen,
        bootstrap: network
            .bootstrap
            .iter()
            .map(|peer| BootstrapPeer {
                node: peer.node,
                addr: peer.address,
            })
            .collect(),
        allow: network.allow.as_ref().map(|nodes| nodes.iter().copied().collect()),
        deny: network.deny.iter().copied().collect(),
        network_name: network.name.clone(),
        idle_timeout: Duration::from_millis(network.idle_timeout_ms),
        keep_alive: Duration::from_millis(network.idle_timeout_ms * 7 / 20),
        added_latency: faults.latency_ms.map(Duration::from_millis),
        max_peers: network.max_peers as usize,
        ..NetworkOptions::new(key)
    }
}
