//! A node over HTTP: REST, OpenAPI, GraphQL, event streams, metrics, and the console. Translates, never decides.
//!
//! Owns the listener and its connections, nothing of the node: every answer is asked of [`node::Api`]. When the node
//! stops, streams are closed, running requests get a moment, and the listener goes. A crash loses nothing but sessions'
//! connections: whatever a client was told is in the node's journal or files.

mod access;
mod assets;
mod caller;
mod cursor;
mod extract;
mod graphql;
mod idempotency;
mod limits;
mod openapi;
mod problem;
mod range;
mod request;
mod results;
mod routes;
mod server;
mod session;
mod state;
mod stream;
mod tls;
mod view;

pub use graphql::schema_sdl;
pub use openapi::openapi_json;
pub use server::front;
