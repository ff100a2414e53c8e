//! `up`: a local network of real node processes, in the foreground, with faults to order.

use crate::app::App;
use crate::console::Paint;
use crate::error::{CliError, Exit};
use crate::network::{Child, MAX_NODES, Network, Plan, private_folder};
use crate::quantities::{self, show_millis};
use crate::registry::Kind;
use crate::session::{Session, absolute};
use crate::settings;
use crate::table::Table;
use node::control::protocol::{Reply, Request};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the nodes may take to know each other.
const MESH_WAIT: Duration = Duration::from_secs(15);
/// Time between two looks at how many peers node 0 knows.
const MESH_LOOK: Duration = Duration::from_millis(25);

/// Arguments of `up`.
#[derive(clap::Args, Debug)]
pub struct UpArgs {
    /// How many nodes
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub nodes: usize,
    /// How many of them lie about every result (the last ones)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub liars: usize,
    /// How many of them accept work and never answer (before the liars)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub stalled: usize,
    /// Every node rounds floats of class fast in its own way, as different hardware does
    #[arg(long)]
    pub jitter: bool,
    /// Delay of every message, such as 40ms
    #[arg(long, value_name = "TIME", value_parser = quantities::duration)]
    pub latency: Option<Duration>,
    /// Keep the nodes' data here (else: a temporary folder that is removed at the end)
    #[arg(long, value_name = "PATH")]
    pub dir: Option<PathBuf>,
    /// Sandboxes per node (else: the machine's cores shared among the nodes)
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
}

/// Runs `up`.
pub fn run(app: &App, args: &UpArgs) -> Result<Exit, CliError> {
    let started = Instant::now();
    check(args)?;
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("p2pjob-up-")
                .tempdir()
                .map_err(|error| CliError::file("create a folder in", &std::env::temp_dir(), &error))?,
        ),
    };
    let folder = match (&args.dir, &temporary) {
        (Some(dir), _) => absolute(dir)?,
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => return Err(CliError::new(Exit::Internal, "there is no folder for the network", "")),
    };
    private_folder(&folder)?;
    let plan = plan(app, args, folder)?;
    let mut network = Network::new()?;
    network.start(&plan)?;
    await_mesh(app, &network)?;
    let registration = app.registry().register(Kind::Network {
        nodes: network.data_dirs(),
    })?;
    announce(app, &network, &plan, started.elapsed())?;
    let attended = network.attend(|child, end| {
        let text = format!(
            "node {} (pid {}) has ended: {end}; the others go on",
            child.number,
            child.pid()
        );
        app.console.warn(&text);
    });
    drop(registration);
    app.console.note("stopping the network");
    network.stop();
    attended?;
    Ok(Exit::Ok)
}

fn check(args: &UpArgs) -> Result<(), CliError> {
    let wrong = |message: String, remedy: &str| Err(CliError::new(Exit::Usage, message, remedy));
    if args.nodes == 0 || args.nodes > MAX_NODES {
        return wrong(
            format!("a local network has 1 to {MAX_NODES} nodes, not {}", args.nodes),
            "correct --nodes",
        );
    }
    if args.liars + args.stalled >= args.nodes {
        let message = format!("{} of {} nodes cannot misbehave", args.liars + args.stalled, args.nodes);
        return wrong(
            message,
            "node 0 is always honest: order fewer --liars and --stalled, or more --nodes",
        );
    }
    Ok(())
}

fn plan(app: &App, args: &UpArgs, folder: PathBuf) -> Result<Plan, CliError> {
    let mut base = settings::load(app, Vec::new())?.config;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = u32::try_from((cores / args.nodes).max(1)).unwrap_or(1);
    base.worker.slots = args.slots.unwrap_or(share);
    // The nodes are of one user and one program: each job is compiled once for all of them.
    let shared_cache = || {
        app.environment
            .user_folder("XDG_CACHE_HOME", ".cache")
            .join("p2pjob/compiled")
    };
    base.cache_dir.get_or_insert_with(shared_cache);
    let latency_ms = args
        .latency
        .map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let log = app
        .shared
        .log
        .as_deref()
        .or_else(|| app.environment.get("P2PJOB_LOG"))
        .unwrap_or("info")
        .to_owned();
    Ok(Plan {
        base,
        folder,
        nodes: args.nodes,
        liars: args.liars,
        stalled: args.stalled,
        jitter: args.jitter,
        latency_ms,
        log,
    })
}

/// Waits until node 0 knows all others, so that the first task finds the whole network.
fn await_mesh(app: &App, network: &Network) -> Result<(), CliError> {
    let wanted = network.children().len().saturating_sub(1);
    let Some(first) = network.children().first() else {
        return Ok(());
    };
    let session = Session::open(first.data_dir.clone())?;
    let deadline = Instant::now() + MESH_WAIT;
    loop {
        let Reply::Status(status) = session.ask(Request::Status)? else {
            return Err(CliError::surprise("status"));
        };
        if status.peers_count as usize >= wanted {
            return Ok(());
        }
        if Instant::now() >= deadline {
            app.console.warn(&format!(
                "node 0 knows only {} of {wanted} peers yet",
                status.peers_count
            ));
            return Ok(());
        }
        std::thread::sleep(MESH_LOOK);
    }
}

fn announce(app: &App, network: &Network, plan: &Plan, elapsed: Duration) -> Result<(), CliError> {
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let row = |child: &Child| {
        let ready = child.ready.as_ref();
        json!({
            "number": child.number,
            "node_id": ready.map(|ready| ready.node_id),
            "addresses": ready.map(|ready| ready.addresses.clone()),
            "http": ready.and_then(|ready| ready.http.clone()),
            "pid": child.pid(),
            "role": child.role,
            "data_dir": child.data_dir,
        })
    };
    let rows: Vec<serde_json::Value> = network.children().iter().map(row).collect();
    app.console.result(
        &json!({ "nodes": rows, "dir": plan.folder, "ready_ms": millis }),
        |console| {
            let mut table = Table::new(&["#", "node", "address", "console", "pid", "role"]);
            for child in network.children() {
                let ready = child.ready.as_ref();
                let node = ready.map(|ready| ready.node_id.short()).unwrap_or_default();
                let address = ready
                    .and_then(|ready| ready.addresses.first())
                    .map(ToString::to_string)
                    .unwrap_or_default();
                table.row([
                    child.number.to_string(),
                    node,
                    address,
                    ready.and_then(|ready| ready.http.clone()).unwrap_or_default(),
                    child.pid().to_string(),
                    child.role.to_owned(),
                ]);
            }
            let head = console.paint(
                Paint::Green,
                &format!("{} nodes ready in {}", rows.len(), show_millis(millis)),
            );
            let dir = plan.folder.display();
            format!(
                "{}{head}; data and logs in {dir}\nother commands find it by themselves; Ctrl-C stops it",
                table.render()
            )
        },
    )
}
