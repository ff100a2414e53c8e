//! The control socket: the daemon's side ([`server`], [`requests`]) and the client's side ([`client`]) of [`protocol`].

pub mod client;
pub mod protocol;
pub mod requests;
pub mod server;

pub use requests::{IMPORT_PIN, load_builtin_jobs};
