//! Signals as values: Ctrl-C and SIGTERM arrive on a thread of their own, so that blocking code can be told.

use crate::error::{CliError, Exit};
use tokio::signal::unix::{SignalKind, signal};

/// Calls `on_signal` for every SIGINT and SIGTERM, with how many came so far, until it answers false.
///
/// The default action of these signals is off from here on.
pub fn watch(mut on_signal: impl FnMut(u32) -> bool + Send + 'static) -> Result<(), CliError> {
    let failed =
        |error: std::io::Error| CliError::new(Exit::Environment, format!("cannot watch for signals: {error}"), "");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(failed)?;
    // Registered before this function returns: no signal after it is missed.
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    drop(entered);
    let forward = move || {
        runtime.block_on(async move {
            let mut count = 0;
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                count += 1;
                if !on_signal(count) {
                    return;
                }
            }
        });
    };
    // The thread has nothing to clean up: it ends with the process.
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(forward)
        .map_err(failed)?;
    Ok(())
}

/// On the first signal: prints the text on stderr and exits with the code for an interruption.
pub fn exit_on_interrupt(text: String, before: impl Fn() + Send + 'static) -> Result<(), CliError> {
    watch(move |_| {
        before();
        eprintln!("{text}");
        std::process::exit(i32::from(Exit::Interrupted.code()))
    })
}
