//! Who may use which route: one table, checked before any handler. A route that is not in it is refused.

use axum::http::Method;
use node::config::Role;

/// Method, pattern of the route, least role; none: everybody. `HEAD` is as `GET`. Names in braces do not matter.
pub const ACCESS: &[(&str, &str, Option<Role>)] = &[
    // Pages and probes.
    ("GET", "/", None),
    ("GET", "/{*path}", None),
    ("GET", "/assets/{*path}", None),
    ("GET", "/docs", None),
    ("GET", "/docs/", None),
    ("GET", "/docs/{*path}", None),
    ("GET", "/graphiql", None),
    ("GET", "/graphiql/", None),
    ("GET", "/graphiql/{*path}", None),
    ("GET", "/openapi.json", None),
    ("GET", "/health", None),
    ("GET", "/healthz", None),
    ("GET", "/ready", None),
    ("GET", "/api/v1/health", None),
    ("GET", "/api/v1/ready", None),
    ("GET", "/api/v1/openapi.json", None),
    ("GET", "/metrics", Some(Role::Viewer)),
    ("GET", "/graphql", None),
    ("POST", "/graphql", Some(Role::Viewer)),
    // Who it is may come in the first message of the socket, and is asked there.
    ("GET", "/graphql/ws", None),
    // Login.
    ("POST", "/api/v1/session", None),
    ("GET", "/api/v1/session", Some(Role::Viewer)),
    ("DELETE", "/api/v1/session", None),
    // Jobs and tasks.
    ("POST", "/api/v1/jobs", Some(Role::Submitter)),
    ("GET", "/api/v1/jobs", Some(Role::Viewer)),
    ("GET", "/api/v1/jobs/{job}", Some(Role::Viewer)),
    ("POST", "/api/v1/quote", Some(Role::Submitter)),
    ("POST", "/api/v1/tasks", Some(Role::Submitter)),
    ("GET", "/api/v1/tasks", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}", Some(Role::Viewer)),
    ("POST", "/api/v1/tasks/{id}/cancel", Some(Role::Submitter)),
    ("GET", "/api/v1/tasks/{id}/request", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/events", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/chunks", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/chunks/{n}", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/explain", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/logs", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/receipts", Some(Role::Viewer)),
    ("GET", "/api/v1/tasks/{id}/result", Some(Role::Viewer)),
    ("POST", "/api/v1/tasks/{id}/replay", Some(Role::Submitter)),
    // Blobs.
    ("POST", "/api/v1/blobs", Some(Role::Submitter)),
    ("GET", "/api/v1/blobs", Some(Role::Viewer)),
    ("GET", "/api/v1/blobs/{hash}", Some(Role::Viewer)),
    ("GET", "/api/v1/blobs/{hash}/pins", Some(Role::Viewer)),
    ("PUT", "/api/v1/blobs/{hash}/pins/{name}", Some(Role::Operator)),
    ("DELETE", "/api/v1/blobs/{hash}/pins/{name}", Some(Role::Operator)),
    // The network.
    ("GET", "/api/v1/network/status", Some(Role::Viewer)),
    ("GET", "/api/v1/peers", Some(Role::Viewer)),
    ("GET", "/api/v1/ledger", Some(Role::Viewer)),
    ("GET", "/api/v1/prices", Some(Role::Viewer)),
    ("GET", "/api/v1/doctor", Some(Role::Viewer)),
    ("GET", "/api/v1/events", Some(Role::Viewer)),
    ("GET", "/api/v1/history/tasks", Some(Role::Viewer)),
    ("GET", "/api/v1/history/chunks", Some(Role::Viewer)),
    ("GET", "/api/v1/history/load", Some(Role::Viewer)),
    ("GET", "/api/v1/history/prices", Some(Role::Viewer)),
    // Webhooks.
    ("GET", "/api/v1/webhooks", Some(Role::Operator)),
    ("POST", "/api/v1/webhooks", Some(Role::Operator)),
    ("GET", "/api/v1/webhooks/{id}", Some(Role::Operator)),
    ("DELETE", "/api/v1/webhooks/{id}", Some(Role::Operator)),
    ("POST", "/api/v1/webhooks/{id}/test", Some(Role::Operator)),
    ("GET", "/api/v1/webhooks/deliveries", Some(Role::Operator)),
    ("POST", "/api/v1/webhooks/deliveries/{id}/resend", Some(Role::Operator)),
    // Access itself.
    ("GET", "/api/v1/tokens", Some(Role::Admin)),
    ("POST", "/api/v1/tokens", Some(Role::Admin)),
    ("DELETE", "/api/v1/tokens/{id}", Some(Role::Admin)),
    ("GET", "/api/v1/audit", Some(Role::Admin)),
    ("GET", "/api/v1/audit/verify", Some(Role::Admin)),
];

/// Routes whose body is a file, bounded by `http.max_upload_bytes`.
const UPLOADS: [&str; 2] = ["POST /api/v1/blobs", "POST /api/v1/jobs"];
/// Routes of which no record is made here: one GraphQL request is a query or several mutations, and records what it does
/// itself; a quote changes nothing.
const NOT_RECORDED: [&str; 2] = ["POST /graphql", "POST /api/v1/quote"];

/// What the table says of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// Everybody may.
    Public,
    /// This role and the stronger ones may.
    Needs(Role),
    /// The address is known, for these methods only.
    OtherMethods(String),
    /// The address is not in the table: nobody may.
    Unknown,
}

/// The rule of a request; `pattern` is none where no route matched: what answers then (pages, 404) is public.
pub fn rule(method: &Method, pattern: Option<&str>) -> Rule {
    let Some(pattern) = pattern else {
        return Rule::Public;
    };
    let wanted = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let mut others = Vec::new();
    for (method, _, role) in ACCESS.iter().filter(|(_, of, _)| same_pattern(of, pattern)) {
        if *method == wanted {
            return role.map_or(Rule::Public, Rule::Needs);
        }
        others.push(*method);
        others.extend((*method == "GET").then_some("HEAD"));
    }
    if others.is_empty() {
        Rule::Unknown
    } else {
        Rule::OtherMethods(others.join(", "))
    }
}

/// Whether two patterns differ in the names of their parameters only.
fn same_pattern(one: &str, other: &str) -> bool {
    let (mut left, mut right) = (one.split('/'), other.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || (kind(one) == kind(other) && kind(one) != ' ') => {}
            _ => return false,
        }
    }
}

/// What a segment is: `*` takes the rest, `{` one segment, a blank itself only.
fn kind(segment: &str) -> char {
    if segment.starts_with("{*") {
        '*'
    } else if segment.starts_with('{') {
        '{'
    } else {
        ' '
    }
}

/// Whether a request's body is a file; `action` is method and pattern.
pub fn is_upload(action: &str) -> bool {
    UPLOADS.contains(&action)
}

/// Whether an admitted request is recorded by this layer, if it changes something.
pub fn is_recorded(action: &str) -> bool {
    !NOT_RECORDED.contains(&action)
}

#[cfg(test)]
mod tests;
