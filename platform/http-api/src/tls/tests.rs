//! Certificates: made, kept, renewed, and refused.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn source(dir: &Path, names: &[&str]) -> Source {
    Source {
        chain: dir.join("tls-cert.pem"),
        key: dir.join("tls-key.pem"),
        own: Some(names.iter().map(|name| (*name).to_owned()).collect()),
    }
}

#[test]
fn a_certificate_is_made_once_and_anew_for_other_names_or_times() {
    let dir = tempfile::tempdir().unwrap();
    let provider = ring::default_provider();
    let first = fingerprint(&source(dir.path(), &["localhost"]).load(&provider).unwrap());
    assert_eq!(first.len(), "sha256:".len() + 64);
    let mode = std::fs::metadata(dir.path().join("tls-key.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = fingerprint(&source(dir.path(), &["localhost"]).load(&provider).unwrap());
    assert_eq!(first, again);
    let named = source(dir.path(), &["localhost", "lab.example"]);
    let renamed = fingerprint(&named.load(&provider).unwrap());
    assert_ne!(first, renamed);
    let later = SystemTime::now() + Duration::from_secs(380 * 24 * 3_600);
    own::keep_fresh(&named.chain, &named.key, named.own.as_ref().unwrap(), later).unwrap();
    assert_ne!(renamed, fingerprint(&named.load(&provider).unwrap()));
    std::fs::remove_file(dir.path().join("tls-key.pem")).unwrap();
    assert!(named.load(&provider).is_ok(), "a lost file is made again");
}

#[test]
fn wrong_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let provider = ring::default_provider();
    let other = tempfile::tempdir().unwrap();
    let good = source(dir.path(), &["localhost"]);
    good.load(&provider).unwrap();
    let strange = source(other.path(), &["localhost"]);
    strange.load(&provider).unwrap();
    let given = |chain: &Path, key: &Path| {
        let source = Source {
            chain: chain.to_owned(),
            key: key.to_owned(),
            own: None,
        };
        source.load(&provider).map(|_| ()).unwrap_err()
    };
    let missing = dir.path().join("no.pem");
    let text = dir.path().join("text.pem");
    std::fs::write(&text, "no certificate").unwrap();
    assert!(given(&missing, &good.key).contains("no.pem"));
    assert!(given(&good.chain, &missing).contains("no.pem"));
    assert!(given(&text, &good.key).contains("text.pem"));
    assert!(given(&good.chain, &text).contains("text.pem"));
    assert!(given(&good.key, &good.chain).contains("tls-key.pem"));
    let error = given(&good.chain, &strange.key);
    assert!(error.contains("not the key of"), "{error}");
}

#[test]
fn names_cover_where_the_node_is_reached() {
    let names = own::names("10.0.0.7:4780".parse().unwrap(), &["Lab.example".to_owned()]);
    assert_eq!(names, ["10.0.0.7", "127.0.0.1", "::1", "lab.example", "localhost"]);
    let names = own::names("0.0.0.0:4780".parse().unwrap(), &[]);
    assert_eq!(names, ["127.0.0.1", "::1", "localhost"]);
}
