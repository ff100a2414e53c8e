//! Tokens: what is kept, what is told, and what happens to a damaged file.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn new(name: &str, role: Role) -> NewToken {
    NewToken {
        name: name.to_owned(),
        role,
        expires_in_ms: None,
        own_only: None,
    }
}

#[test]
fn a_token_works_until_it_is_revoked_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let made = tokens.make(new("ada", Role::Submitter)).unwrap();
    let grant = tokens.check(&made.token, now()).unwrap();
    assert_eq!(
        (grant.name.as_str(), grant.role, grant.own_only),
        ("ada", Role::Submitter, true)
    );
    assert!(tokens.list()[0].last_used.is_some());

    let again = Tokens::open(dir.path()).unwrap();
    assert_eq!(again.check(&made.token, now()), Ok(grant.clone()));
    assert_eq!(again.grant(&grant.id, now()).unwrap().role, Role::Submitter);
    let mut changes = again.changes();
    assert!(!changes.has_changed().unwrap());
    again.revoke(&grant.id).unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(again.check(&made.token, now()), Err(TokenProblem::Revoked));
    assert_eq!(again.grant(&grant.id, now()), Err(TokenProblem::Revoked));
    assert_eq!(
        Tokens::open(dir.path()).unwrap().check(&made.token, now()),
        Err(TokenProblem::Revoked)
    );
}

#[test]
fn the_file_holds_no_secret_and_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let made = tokens.make(new("ada", Role::Admin)).unwrap();
    let path = dir.path().join("tokens.json");
    let text = fs::read_to_string(&path).unwrap();
    let secret = made.token.rsplit('_').next().unwrap();
    assert_eq!(secret.len(), 64);
    assert!(!text.contains(secret), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn problems_are_told_only_to_who_has_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let brief = NewToken {
        expires_in_ms: Some(1_000),
        ..new("brief", Role::Viewer)
    };
    let made = tokens.make(brief).unwrap();
    let later = now().plus(2_000);
    assert_eq!(tokens.check(&made.token, later), Err(TokenProblem::Expired));
    let id = &made.report.id;
    let guess = format!("p2pjob_{id}_{}", "0".repeat(64));
    assert_eq!(tokens.check(&guess, later), Err(TokenProblem::Unknown));
    let other = made.token.replace(id.as_str(), "ffffffffffff");
    assert_eq!(tokens.check(&other, now()), Err(TokenProblem::Unknown));
    for text in [
        "",
        "p2pjob",
        "p2pjob__",
        "p2pjob_zz_00",
        "Bearer",
        &made.token[1..],
        &made.token.to_uppercase(),
    ] {
        assert_eq!(tokens.check(text, now()), Err(TokenProblem::Malformed), "{text}");
    }
}

#[test]
fn names_are_unique_and_plain() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let first = tokens.make(new("ada", Role::Viewer)).unwrap();
    assert!(
        tokens
            .make(new("ada", Role::Viewer))
            .unwrap_err()
            .message
            .contains(&first.report.id)
    );
    tokens.revoke(&first.report.id).unwrap();
    tokens.make(new("ada", Role::Viewer)).unwrap();
    for name in [
        "",
        " ",
        "a b",
        "-a",
        "anonymous",
        "local",
        "\u{e9}",
        "a\nb",
        &"a".repeat(65),
    ] {
        assert!(tokens.make(new(name, Role::Viewer)).is_err(), "{name:?}");
    }
    assert!(tokens.revoke("nobody").is_err());
}

#[test]
fn a_submitter_sees_its_own_unless_asked() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(dir.path()).unwrap();
    let own = |name: &str, role, own_only| {
        let made = tokens.make(NewToken {
            own_only,
            ..new(name, role)
        });
        made.unwrap().report.own_only
    };
    assert!(own("a", Role::Submitter, None));
    assert!(!own("b", Role::Submitter, Some(false)));
    assert!(!own("c", Role::Viewer, None));
    assert!(own("d", Role::Viewer, Some(true)));
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens.json");
    Tokens::open(dir.path())
        .unwrap()
        .make(new("ada", Role::Viewer))
        .unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let twice = good.replace("\"tokens\": [", "\"tokens\": [ {\"id\":\"aa\"},");
    let cases = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("p2pjob-tokens 1", "p2pjob-tokens 2"),
        good.replace("\"secret_hash\": \"", "\"secret_hash\": \"zz"),
        good.replace("viewer", "owner"),
        good.replace("own_only", "all_tasks"),
        twice,
    ];
    for text in cases {
        fs::write(&path, &text).unwrap();
        let error = Tokens::open(dir.path())
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("tokens.json") && error.contains("move it away"),
            "{text}: {error}"
        );
    }
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let error = Tokens::open(dir.path())
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains("chmod 600"), "{error}");
}
