//! `node`: a node in the foreground, until Ctrl-C or SIGTERM.

use crate::app::App;
use crate::error::{CliError, Exit};
use crate::quantities;
use crate::registry::Kind;
use crate::settings::{self, FlagValues};
use crate::{daemon, session};
use node::config::Faults;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `node`.
#[derive(clap::Args, Debug)]
pub struct NodeArgs {
    /// UDP address to listen on
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<String>,
    /// A peer to dial at start (repeatable)
    #[arg(long, value_name = "NODE@IP:PORT")]
    pub bootstrap: Vec<String>,
    /// Only these nodes may connect (repeatable)
    #[arg(long, value_name = "NODE")]
    pub allow: Vec<String>,
    /// These nodes may not connect (repeatable)
    #[arg(long, value_name = "NODE")]
    pub deny: Vec<String>,
    /// Sandboxes at the same time; 0 is one per core
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
    /// The largest memory of one sandbox
    #[arg(long, value_name = "SIZE", value_parser = quantities::bytes)]
    pub memory: Option<u64>,
    /// Take no replicas: only submit and store
    #[arg(long)]
    pub no_worker: bool,
    /// What float class fast runs on: auto, off, or the beginning of a GPU's name
    #[arg(long, value_name = "GPU")]
    pub gpu: Option<String>,
    /// Folder of components known by name
    #[arg(long, value_name = "DIR")]
    pub jobs_dir: Option<PathBuf>,
    /// Any other key of the configuration (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Runs `node`.
pub fn run(app: &App, args: &NodeArgs) -> Result<Exit, CliError> {
    let mut config = settings::load(app, flags(args)?)?.config;
    config.data_dir = session::absolute(&config.data_dir)?;
    let data_dir = config.data_dir.clone();
    let mut registration = None;
    let ready = |info: &node::ReadyInfo| {
        // Not being in the list only means that other commands need --data-dir.
        registration = app
            .registry()
            .register(Kind::Node {
                data_dir: data_dir.clone(),
            })
            .inspect_err(|error| app.console.warn(&error.text()))
            .ok();
        let object = json!({
            "node_id": info.node_id, "addresses": info.addresses, "socket": info.socket, "data_dir": data_dir,
            "http": info.http, "tls_fingerprint": info.tls_fingerprint
        });
        let addresses: Vec<String> = info.addresses.iter().map(ToString::to_string).collect();
        let shown = app.console.result(&object, |_| {
            let (node, dir) = (info.node_id, data_dir.display());
            let console = info
                .http
                .as_ref()
                .map(|url| format!("\nconsole: {url}"))
                .unwrap_or_default();
            let print = info.tls_fingerprint.as_ref();
            let certificate = print.map(|print| format!("\ncertificate: {print}")).unwrap_or_default();
            format!(
                "node {node} is ready\nlistens on {}, keeps its data in {dir}{console}{certificate}",
                addresses.join(", ")
            )
        });
        if let Err(error) = shown {
            app.console.warn(&error.text());
        }
    };
    daemon::serve(config, Faults::default(), ready, daemon::first_signal()?)?;
    drop(registration);
    Ok(Exit::Ok)
}

/// The flags as values of the configuration.
fn flags(args: &NodeArgs) -> Result<FlagValues, CliError> {
    let mut values = FlagValues::new();
    let mut put = |path: &str, value: toml::Value| values.push((path.to_owned(), value));
    if let Some(listen) = &args.listen {
        put("network.listen", listen.clone().into());
    }
    if !args.bootstrap.is_empty() {
        let peers = args
            .bootstrap
            .iter()
            .map(|peer| bootstrap_peer(peer))
            .collect::<Result<Vec<_>, _>>()?;
        put("network.bootstrap", toml::Value::Array(peers));
    }
    if !args.allow.is_empty() {
        put("network.allow", args.allow.clone().into());
    }
    if !args.deny.is_empty() {
        put("network.deny", args.deny.clone().into());
    }
    if let Some(slots) = args.slots {
        put("worker.slots", i64::from(slots).into());
    }
    if let Some(memory) = args.memory {
        put("worker.memory_bytes", i64::try_from(memory).unwrap_or(i64::MAX).into());
    }
    if args.no_worker {
        put("worker.enabled", false.into());
    }
    if let Some(gpu) = &args.gpu {
        put("compute.gpu", gpu.clone().into());
    }
    if let Some(folder) = &args.jobs_dir {
        put(
            "jobs_dir",
            session::absolute(folder)?.to_string_lossy().into_owned().into(),
        );
    }
    for pair in &args.set {
        let (path, value) = settings::read_pair(pair)?;
        put(&path, value);
    }
    Ok(values)
}

fn bootstrap_peer(text: &str) -> Result<toml::Value, CliError> {
    let (node, address) = text.split_once('@').ok_or_else(|| {
        let remedy = "write --bootstrap NODE@IP:PORT; `p2pjob status` on the other node shows both";
        CliError::new(
            Exit::Usage,
            format!("bootstrap peer {text:?} has no key and address"),
            remedy,
        )
    })?;
    let mut peer = toml::Table::new();
    peer.insert("node".to_owned(), node.into());
    peer.insert("address".to_owned(), address.into());
    Ok(toml::Value::Table(peer))
}
