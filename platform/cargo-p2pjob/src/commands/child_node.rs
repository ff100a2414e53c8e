//! `__node`: a node of a local network. Only `up` can start it: it takes its order from stdin and refuses any parent but
//! this same program.

use crate::app::App;
use crate::daemon;
use crate::error::{CliError, Exit};
use crate::network::order::{Order, Ready, parent_must_be_us};
use std::io::{BufRead, Read, Write};
use std::time::Duration;

/// How long a stop in stages may take after the parent is gone; then the process ends anyway.
const ORPHAN_WAIT: Duration = Duration::from_secs(15);

/// Runs `__node`.
pub fn run(_app: &App) -> Result<Exit, CliError> {
    parent_must_be_us()?;
    let order = read_order()?;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let watch = move || {
        await_end_of_stdin();
        // Nobody listens any more when the node stops by itself.
        let _ = stop.send(());
        std::thread::sleep(ORPHAN_WAIT);
        std::process::exit(i32::from(Exit::Unavailable.code()));
    };
    let watcher = std::thread::Builder::new().name("parent".to_owned()).spawn(watch);
    watcher.map_err(|error| CliError::new(Exit::Environment, format!("cannot start a thread: {error}"), ""))?;
    let signal = daemon::first_signal()?;
    let stop = async {
        tokio::select! {
            _ = stopped => {}
            () = signal => {}
        }
    };
    daemon::serve(order.config, order.faults.into(), say_ready, stop)?;
    Ok(Exit::Ok)
}

fn read_order() -> Result<Order, CliError> {
    let mut line = String::new();
    let unreadable =
        |why: String| CliError::new(Exit::Internal, format!("the order of `up` cannot be read: {why}"), "");
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))
}

fn say_ready(info: &node::ReadyInfo) {
    let ready = Ready {
        node_id: info.node_id,
        addresses: info.addresses.clone(),
        http: info.http.clone(),
    };
    if let Ok(line) = serde_json::to_string(&ready) {
        // A parent that is gone is noticed at stdin.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

fn await_end_of_stdin() {
    let mut stdin = std::io::stdin().lock();
    let mut byte = [0u8; 1];
    while matches!(stdin.read(&mut byte), Ok(1..)) {}
}
