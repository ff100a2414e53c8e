//! One owner, one format.

use super::*;

#[test]
fn a_second_owner_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let first = DataDir::open(&path).unwrap();
    let error = DataDir::open(&path).unwrap_err();
    assert!(matches!(error, DataDirError::InUse(_)), "{error}");
    drop(first);
    DataDir::open(&path).unwrap();
}

#[test]
fn another_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("VERSION"), "p2pjob-data 99\n").unwrap();
    let error = DataDir::open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataDirError::Version { found, .. } if found == "p2pjob-data 99"),
        "{error}"
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("VERSION")).unwrap(),
        "p2pjob-data 99\n"
    );
}

#[test]
fn the_directory_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(&dir.path().join("a/b")).unwrap();
    assert_eq!(fs::metadata(data.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn readiness_comes_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path()).unwrap();
    let info = ReadyInfo {
        pid: 7,
        node_id: NodeId([1; 32]),
        addresses: vec!["127.0.0.1:9".parse().unwrap()],
        socket: data.file("control.sock"),
        version: "1".to_owned(),
        started_at: UnixMillis(5),
        http: None,
        tls_fingerprint: None,
    };
    data.write_ready(&info).unwrap();
    let read: ReadyInfo = serde_json::from_slice(&fs::read(data.file("node.json")).unwrap()).unwrap();
    assert_eq!(read, info);
    data.remove_ready();
    assert!(!data.file("node.json").exists());
}
