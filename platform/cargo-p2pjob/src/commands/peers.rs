//! `peers`: who is there, how busy, and how far to be believed.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::quantities::show_bytes;
use crate::table::Table;
use job_model::quote::DeviceKind;
use node::control::protocol::{PeerReport, Reply, Request};
use serde_json::json;

/// Runs `peers`.
pub fn run(app: &App) -> Result<Exit, CliError> {
    let Reply::Peers(peers) = app.connect()?.ask(Request::Peers)? else {
        return Err(CliError::surprise("peers"));
    };
    app.console.result(&json!({ "peers": peers }), |_| {
        let head = [
            "node",
            "address",
            "state",
            "rtt",
            "slots",
            "load",
            "memory",
            "fast",
            "reputation",
            "ok/wrong",
            "right",
            "there",
            "balance",
        ];
        let mut table = Table::new(&head);
        for peer in &peers {
            table.row(cells(peer));
        }
        if table.is_empty() {
            "no peer yet: name one with --bootstrap or network.bootstrap".to_owned()
        } else {
            table.render()
        }
    })?;
    Ok(Exit::Ok)
}

fn cells(peer: &PeerReport) -> [String; 13] {
    let state = match peer {
        PeerReport { forked: true, .. } => "forked",
        PeerReport { distrusted: true, .. } => "distrusted",
        PeerReport { connected: true, .. } => "connected",
        PeerReport { .. } => "away",
    };
    let share = |share: f64| format!("{:.1} %", share * 100.0);
    [
        peer.node.short(),
        peer.addresses.first().map_or("-".to_owned(), ToString::to_string),
        state.to_owned(),
        format!("{:.1} ms", f64::from(peer.rtt_us) / 1000.0),
        peer.capability.slots.to_string(),
        format!("{}+{}", peer.load.running, peer.load.queued),
        show_bytes(peer.load.resident_bytes),
        peer.capability.fast().map_or("-", DeviceKind::name).to_owned(),
        peer.reputation.clone(),
        format!("{}/{}", peer.accepted, peer.wrong),
        share(peer.correctness_at_least),
        share(peer.availability),
        peer.balance.to_string(),
    ]
}
