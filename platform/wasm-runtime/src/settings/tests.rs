//! The profile names what it should name.

use super::{ENGINE_VERSION, profile};

#[test]
fn the_engine_version_is_the_one_the_workspace_pins() {
    let manifest = include_str!("../../../../Cargo.toml");
    assert!(
        manifest.contains(&format!("wasmtime = {{ version = \"={ENGINE_VERSION}\"")),
        "{ENGINE_VERSION}"
    );
}

#[test]
fn the_memory_limit_is_part_of_the_profile() {
    assert_eq!(profile(1 << 20), profile(1 << 20));
    assert_ne!(profile(1 << 20), profile(2 << 20));
}

/// Results of before a change are recalled and compared only under the same profile: it may change only on purpose, with
/// the engine or with what a call costs.
#[test]
fn the_profile_is_the_one_that_results_were_made_under() {
    assert_eq!(
        profile(4 << 30).to_string(),
        "3c76dce494ca6ce0e143af854b9ee254c8e65a40b401f9a17ee39a46527e134e"
    );
}
