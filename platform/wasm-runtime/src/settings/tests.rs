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
