//! Signals to processes of a test. The numbers come from children that are not waited for yet, or from a network whose
//! parent is: they cannot belong to anybody else meanwhile.

use std::fs;

/// Sends a signal. A process that has ended is none to worry about.
fn send(pid: u32, signal: libc::c_int) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // SAFETY: kill(2) reads two integers and touches no memory; a positive number means one process, never a group.
    unsafe { libc::kill(pid.max(1), signal) };
}

/// Ends a process at once, as a power cut would (`kill -9`).
pub fn kill(pid: u32) {
    send(pid, libc::SIGKILL);
}

/// What Ctrl-C sends.
pub fn interrupt(pid: u32) {
    send(pid, libc::SIGINT);
}

/// Has a process end at once, and PostgreSQL's also end its children.
pub fn quit(pid: u32) {
    send(pid, libc::SIGQUIT);
}

/// Stops a process without its knowing.
pub fn pause(pid: u32) {
    send(pid, libc::SIGSTOP);
}

/// Lets a paused process go on.
pub fn resume(pid: u32) {
    send(pid, libc::SIGCONT);
}

/// Whether a process runs (or is paused): it is there, and no zombie.
pub fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // The name in parentheses may hold anything; the state follows the last parenthesis.
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}
