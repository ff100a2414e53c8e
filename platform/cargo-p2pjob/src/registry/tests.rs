//! Entries come and go with their processes.

use super::*;

#[test]
fn an_entry_lives_as_long_as_its_registration() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::in_folder(folder.path().join("p2pjob"));
    assert!(registry.running().is_empty());
    let kind = Kind::Node {
        data_dir: PathBuf::from("/data"),
    };
    let registration = registry.register(kind.clone()).unwrap();
    let running = registry.running();
    assert_eq!(running.len(), 1);
    assert_eq!((running[0].pid, &running[0].kind), (std::process::id(), &kind));
    drop(registration);
    assert!(registry.running().is_empty());
}

#[test]
fn stale_entries_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::in_folder(folder.path().to_owned());
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    let kind = Kind::Node {
        data_dir: PathBuf::from("/data"),
    };
    let dead = Entry {
        pid: ended.id(),
        process_start: 1,
        started_at: 1,
        kind: kind.clone(),
    };
    ended.wait().unwrap();
    // Our own pid, but started at another time: the number was used again.
    let reused = Entry {
        pid: std::process::id(),
        process_start: 1,
        started_at: 2,
        kind,
    };
    for (name, entry) in [("dead.json", &dead), ("reused.json", &reused)] {
        std::fs::write(folder.path().join(name), serde_json::to_string(entry).unwrap()).unwrap();
    }
    std::fs::write(folder.path().join("torn.json"), "{\"pid\":").unwrap();
    assert!(registry.running().is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
