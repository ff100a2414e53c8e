//! Tests of the guest build. The ones that call cargo need the guest target and the dependencies of the SDK in cargo's
//! cache; `cargo xtask ci` sees to both before it runs them.

use super::*;
use std::path::PathBuf;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("p2pjob-guest-build-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn sdk() -> SdkSource {
    SdkSource::of_checkout(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn options(scratch: &Path) -> GuestBuild {
    GuestBuild {
        // Beside the workspace's target folder, so that the SDK is compiled once for all runs of the tests.
        target_dir: std::env::current_exe()
            .unwrap()
            .ancestors()
            .nth(3)
            .unwrap()
            .join("guest-build-tests"),
        out_dir: scratch.join("out"),
        package: None,
        offline: false,
        show_progress: false,
    }
}

/// burn takes minutes to compile: where `ml_train_step` was built, with what it was built from, it is compiled already.
fn options_of(template: Template, scratch: &Path, folder: &Path) -> GuestBuild {
    let options = options(scratch);
    if template != Template::Burn {
        return options;
    }
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../jobs/ml_train_step/Cargo.lock");
    std::fs::copy(lock, folder.join("Cargo.lock")).unwrap();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let chosen = std::env::var_os("P2PJOB_GUEST_TARGET_DIR").map(PathBuf::from);
    GuestBuild {
        target_dir: chosen.unwrap_or_else(|| home.join(".cache/p2pjob/guest-target")),
        ..options
    }
}

#[test]
fn every_template_builds_to_a_component() {
    let scratch = scratch("templates");
    for template in Template::ALL {
        let name = format!("my_{}", template.name());
        let folder = new_project(&scratch, &name, template, &sdk()).unwrap();
        let built = build(&folder, &options_of(template, &scratch, &folder)).unwrap();
        assert_eq!(built.name, name);
        assert_eq!(built.component_path, scratch.join(format!("out/{name}.wasm")));
        assert_eq!(std::fs::read(&built.component_path).unwrap(), built.bytes);
        // The header of a component: magic, version 13, layer 1.
        assert_eq!(built.bytes[..8], *b"\0asm\x0d\0\x01\0");
        assert!(!String::from_utf8_lossy(&std::fs::read(folder.join("src/lib.rs")).unwrap()).contains("{{"));
    }
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn a_folder_without_a_manifest_is_named() {
    let scratch = scratch("empty");
    let error = build(&scratch, &options(&scratch)).unwrap_err();
    assert!(
        matches!(&error, BuildError::NoManifest(path) if *path == scratch),
        "{error}"
    );
    assert!(error.to_string().contains("cargo p2pjob new"));
}

#[test]
fn an_error_of_the_compiler_is_passed_on() {
    let scratch = scratch("broken");
    let folder = new_project(&scratch, "broken", Template::Minimal, &sdk()).unwrap();
    std::fs::write(folder.join("src/lib.rs"), "fn main() { this is no Rust }").unwrap();
    let error = build(&folder, &options(&scratch)).unwrap_err();
    assert!(
        matches!(&error, BuildError::Compile(text) if text.contains("src/lib.rs:1")),
        "{error}"
    );
}

#[test]
fn a_crate_without_the_interface_is_no_job() {
    let scratch = scratch("plain");
    let folder = new_project(&scratch, "plain", Template::Minimal, &sdk()).unwrap();
    std::fs::write(
        folder.join("src/lib.rs"),
        "#[unsafe(no_mangle)] extern \"C\" fn three() -> i32 { 3 }",
    )
    .unwrap();
    let built = build(&folder, &options(&scratch));
    // A module without imports is a component too, but an empty one; the runtime says what it lacks at publish.
    assert!(built.is_ok_and(|built| built.bytes.len() < 200_000));
    let error = componentise("plain", b"not wasm").unwrap_err();
    assert!(error.to_string().starts_with("plain is not a job: "), "{error}");
}

#[test]
fn a_library_without_cdylib_is_explained() {
    let scratch = scratch("rlib");
    let folder = new_project(&scratch, "only_rlib", Template::Minimal, &sdk()).unwrap();
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))
        .unwrap()
        .replace("\"cdylib\", ", "");
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let error = build(&folder, &options(&scratch)).unwrap_err();
    assert!(matches!(error, BuildError::NoModule(_)), "{error}");
}

#[test]
fn names_are_checked_and_nothing_is_overwritten() {
    let scratch = scratch("names");
    for name in ["", "Upper", "1st", "a b", "../up", "ümlaut"] {
        let error = new_project(&scratch, name, Template::Map, &sdk()).unwrap_err();
        assert!(matches!(error, NewProjectError::Name(_)), "{name}: {error}");
    }
    new_project(&scratch, "twice", Template::Map, &sdk()).unwrap();
    let error = new_project(&scratch, "twice", Template::Map, &sdk()).unwrap_err();
    assert!(matches!(error, NewProjectError::Exists(_)), "{error}");
    assert!("word".parse::<Template>().is_err());
    assert_eq!("word_count".parse::<Template>().unwrap(), Template::WordCount);
}

#[test]
fn a_git_dependency_is_quoted() {
    let scratch = scratch("git");
    let sdk = SdkSource::Git {
        url: "https://example.org/a\"b".to_owned(),
        rev: Some("v1".to_owned()),
    };
    let folder = new_project(&scratch, "git-job", Template::Minimal, &sdk).unwrap();
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains(r#"p2pjob = { git = "https://example.org/a\"b", rev = "v1" }"#),
        "{manifest}"
    );
    assert!(
        std::fs::read_to_string(folder.join("src/lib.rs"))
            .unwrap()
            .contains("export_job!(GitJob)")
    );
}
