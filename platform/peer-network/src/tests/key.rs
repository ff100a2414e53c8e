//! The key file.

use crate::{KeyError, load_or_create_key};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_key_is_made_once_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.key");
    let first = load_or_create_key(&path).expect("created");
    let second = load_or_create_key(&path).expect("read");
    assert_eq!(first.id(), second.id());
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["node.key"], "no temporary file stays");
    let other = load_or_create_key(&folder.path().join("other.key")).expect("created");
    assert_ne!(other.id(), first.id());
}

#[test]
fn a_key_that_others_may_read_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.key");
    load_or_create_key(&path).expect("created");
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
        let error = load_or_create_key(&path).expect_err("too open");
        assert!(
            matches!(error, KeyError::TooOpen { mode: seen, .. } if seen == mode),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("run `chmod 600 {}`", path.display())),
            "{error}"
        );
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).expect("changed");
    load_or_create_key(&path).expect("read-only is fine");
}

#[test]
fn a_damaged_key_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.key");
    load_or_create_key(&path).expect("created");
    for bytes in [0, 31, 33] {
        std::fs::write(&path, vec![1; bytes]).expect("written");
        let error = load_or_create_key(&path).expect_err("damaged");
        assert!(
            error
                .to_string()
                .contains(&format!("holds {bytes} bytes, a node key has 32")),
            "{error}"
        );
    }
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("missing").join("node.key");
    let error = load_or_create_key(&path).expect_err("no folder");
    assert!(error.to_string().contains("missing/node.key"), "{error}");
}

#[test]
fn many_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.key");
    let ids: Vec<_> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| load_or_create_key(&path).expect("a key").id()))
            .collect();
        makers
            .into_iter()
            .map(|maker| maker.join().expect("no panic"))
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("a folder").count(),
        1,
        "no temporary file stays"
    );
}
