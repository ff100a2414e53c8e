//! The daemon in this process: a runtime of its own, and a shutdown in stages.
//!
//! The first SIGINT or SIGTERM (or the end of the parent, for children of `up`) asks the node to stop: it refuses new
//! work, finishes its journal and closes. A second one exits at once; the journal is made for that.

use crate::commands::compute_process;
use crate::environment::Environment;
use crate::error::{CliError, Exit, exit_of};
use node::config::{Faults, NodeConfig};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tensor_compute::FastHost;

/// Threads of the node's runtime: one for the network, one for the event loop. Jobs have threads of their own, so more
/// would only cost memory while idle.
const RUNTIME_THREADS: usize = 2;
/// How long blocking work of the runtime may take after the node has stopped.
const RUNTIME_END: Duration = Duration::from_secs(5);

/// Lets the process open as many files and sockets as the system allows it: each connection is one, and the usual soft
/// limit is made for programs that use `select`.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Runs a node until it is told to stop.
pub fn serve(
    config: NodeConfig,
    faults: Faults,
    ready: impl FnOnce(&node::ReadyInfo),
    stop: impl Future<Output = ()>,
) -> Result<(), CliError> {
    let _log_files = crate::logging::open_files(&config)?;
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("node")
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Environment, format!("cannot start threads: {error}"), ""))?;
    let environment = Environment::of_process();
    let fast = compute_process::host(&config.compute.gpu, &environment, &config.data_dir)
        .map(|host| Arc::new(host) as Arc<dyn FastHost>)
        .inspect_err(|error| tracing::warn!(%error, "float class fast is not offered: this program is not found"))
        .ok();
    let front = config.http.enabled.then(http_api::front);
    let ended = runtime.block_on(node::run(node::Run {
        config,
        faults,
        front,
        burn: Some(Arc::new(burn_host::ExactHost)),
        fast,
        ready: Box::new(ready),
        shutdown: Box::pin(stop),
    }));
    runtime.shutdown_timeout(RUNTIME_END);
    ended.map_err(|error| CliError::new(exit_of(error.code()), error.to_string(), ""))
}

/// A future that ends with the first signal; the second signal ends the process.
pub fn first_signal() -> Result<impl Future<Output = ()>, CliError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    crate::signals::watch(move |_| match sender.take() {
        Some(sender) => {
            // The receiver is gone only when the node has stopped already.
            let _ = sender.send(());
            true
        }
        None => std::process::exit(i32::from(Exit::Interrupted.code())),
    })?;
    Ok(async move {
        // An error means that the signal thread ended: then nobody asks us to stop that way.
        if receiver.await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
