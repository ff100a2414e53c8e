//! Which crate may depend on which: the table of ARCHITECTURE.md against what `cargo metadata` says, in both directions,
//! and the crates that only one of ours may use.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Third-party crates that are the business of these crates of ours only.
const ONLY: &[(&str, &[&str])] = &[
    ("wasmtime", &["wasm-runtime"]),
    ("faer", &["tensor-compute"]),
    ("burn-ir", &["burn-host"]),
    ("burn-wgpu", &["compute-process"]),
    ("burn-cubecl", &["compute-process"]),
    ("iroh", &["peer-network", "blob-store"]),
    ("iroh-gossip", &["peer-network"]),
    ("iroh-blobs", &["blob-store"]),
    ("redb", &["node"]),
    ("jsonschema", &["node"]),
    ("reqwest", &["node"]),
    ("opentelemetry-otlp", &["node"]),
    ("sqlx", &["history"]),
    ("axum", &["http-api"]),
    ("async-graphql", &["http-api"]),
    ("utoipa", &["http-api"]),
    ("rust-embed", &["http-api"]),
    ("ed25519-dalek", &["job-model"]),
    ("cbor4ii", &["job-model"]),
    ("clap", &["cargo-p2pjob"]),
    ("clap_complete", &["cargo-p2pjob"]),
    ("indicatif", &["cargo-p2pjob"]),
    ("toml", &["cargo-p2pjob"]),
    ("wit-component", &["cargo-p2pjob"]),
    ("tracing-subscriber", &["cargo-p2pjob"]),
];
/// What the pure crates may use beside each other: derives and errors, nothing that waits.
const PURE: &[(&str, &[&str])] = &[
    (
        "job-model",
        &[
            "blake3",
            "cbor4ii",
            "ed25519-dalek",
            "serde",
            "serde_bytes",
            "serde_json",
            "thiserror",
        ],
    ),
    ("scheduler", &["serde", "thiserror"]),
    ("market", &["serde", "thiserror"]),
    ("xtask", &[]),
];

type Graph = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests lie in the checkout")
}

/// The direct dependencies of every crate of the workspace, without those of tests.
fn graph() -> Graph {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let of_package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let used = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        (
            text(&package["name"]),
            used.map(|dependency| text(&dependency["name"])).collect(),
        )
    };
    metadata["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(of_package)
        .collect()
}

/// The rows ``| `crate` | `one`, `other` | ...`` under the table's head.
fn table() -> Graph {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may use"))
        .skip(2);
    let names = |cell: &str| -> BTreeSet<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|');
        let name = names(cells.next()?).into_iter().next()?;
        Some((name, names(cells.next()?)))
    };
    rows.take_while(|line| line.starts_with('|')).filter_map(row).collect()
}

#[test]
fn the_table_of_the_architecture_is_the_truth() {
    let (graph, table) = (graph(), table());
    assert!(
        table.len() >= 8,
        "the table of ARCHITECTURE.md was not found: {table:?}"
    );
    let ours: BTreeSet<&String> = graph
        .keys()
        .filter(|name| !["p2pjob-tests", "xtask", "guest-programs"].contains(&name.as_str()))
        .collect();
    assert_eq!(
        ours,
        table.keys().collect::<BTreeSet<_>>(),
        "crates of the workspace, crates of the table"
    );
    for (name, allowed) in &table {
        let used: BTreeSet<String> = graph[name]
            .iter()
            .filter(|dependency| graph.contains_key(*dependency))
            .cloned()
            .collect();
        assert_eq!(
            &used, allowed,
            "what {name} depends on, and what ARCHITECTURE.md says it may use"
        );
    }
}

#[test]
fn what_is_one_crates_business_stays_there() {
    let graph = graph();
    for (dependency, owners) in ONLY {
        let users: BTreeSet<&str> = graph
            .iter()
            .filter(|(name, used)| *name != "p2pjob-tests" && used.contains(*dependency))
            .map(|(name, _)| name.as_str())
            .collect();
        let owners: BTreeSet<&str> = owners.iter().copied().collect();
        assert!(
            users.is_subset(&owners),
            "{dependency} is used by {users:?}, only {owners:?} may"
        );
    }
}

#[test]
fn pure_crates_use_next_to_nothing() {
    let graph = graph();
    for (name, allowed) in PURE {
        let foreign: Vec<&String> = graph[*name]
            .iter()
            .filter(|dependency| !graph.contains_key(*dependency) && !allowed.contains(&dependency.as_str()))
            .collect();
        assert!(foreign.is_empty(), "{name} must not depend on {foreign:?}");
    }
}
