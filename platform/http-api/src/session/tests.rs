//! Sessions: what the cookie is, and every way in which it does not count.

use super::*;
use node::config::Role;

const NOW: UnixMillis = UnixMillis(1_000_000);

fn sessions(dir: &Path) -> Sessions {
    Sessions::open(dir, NodeId([7; 32]), 60_000).unwrap()
}

fn grant(expires_at: Option<u64>) -> Grant {
    Grant {
        id: "00aa11bb22cc".to_owned(),
        name: "ada".to_owned(),
        role: Role::Viewer,
        own_only: false,
        expires_at: expires_at.map(UnixMillis),
    }
}

/// The request headers of a browser that took the cookie.
fn sent(opened: &Opened) -> HeaderMap {
    let text = opened.cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    of(&format!("other=1; {text}"))
}

fn of(text: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(text).unwrap())])
}

#[test]
fn a_session_survives_a_restart_and_ends_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let opened = sessions(dir.path()).start(&grant(None), false, NOW);
    let headers = sent(&opened);
    let again = sessions(dir.path());
    assert_eq!(again.find(&headers, false, NOW), Some(Ok("00aa11bb22cc".to_owned())));
    assert_eq!(opened.expires_at, NOW.plus(60_000));
    assert_eq!(
        again.find(&headers, false, opened.expires_at),
        Some(Err(SessionProblem::Expired))
    );
    assert_eq!(again.find(&HeaderMap::new(), false, NOW), None);
    let other = Sessions::open(dir.path(), NodeId([8; 32]), 60_000).unwrap();
    assert_eq!(
        other.find(&headers, false, NOW),
        None,
        "the cookie of another node is not ours"
    );
    let brief = again.start(&grant(Some(NOW.0 + 5)), false, NOW);
    assert_eq!(brief.expires_at, NOW.plus(5), "a session never outlives its token");
}

#[test]
fn a_forged_session_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let good = sent(&sessions.start(&grant(None), false, NOW));
    let text = good.get(header::COOKIE).unwrap().to_str().unwrap().to_owned();
    let forged = [
        text.replace("00aa11bb22cc", "00aa11bb22cd"),
        text.replace(".1060000.", ".9060000."),
        text.replace(".1060000.", ".01060000."),
        text[..text.len() - 1].to_owned(),
        format!("{}=", sessions.name(false)),
        format!("{}=a.b.c", sessions.name(false)),
    ];
    for forged in forged {
        assert_ne!(forged, text);
        assert_eq!(
            sessions.find(&of(&forged), false, NOW),
            Some(Err(SessionProblem::Forged)),
            "{forged}"
        );
    }
    std::fs::remove_file(dir.path().join("session.key")).unwrap();
    let renewed = self::sessions(dir.path());
    assert_eq!(renewed.find(&good, false, NOW), Some(Err(SessionProblem::Forged)));
}

#[test]
fn a_logout_ends_one_session() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let one = sent(&sessions.start(&grant(None), true, NOW));
    let other = sent(&sessions.start(&grant(None), true, NOW.plus(1)));
    sessions.end(&one, true, NOW);
    assert_eq!(sessions.find(&one, true, NOW), Some(Err(SessionProblem::Ended)));
    assert!(sessions.find(&other, true, NOW).unwrap().is_ok());
}

#[test]
fn the_cookie_is_for_our_pages_only() {
    let dir = tempfile::tempdir().unwrap();
    let sessions = sessions(dir.path());
    let plain = sessions.start(&grant(None), false, NOW).cookie;
    let plain = plain.to_str().unwrap();
    assert!(
        plain.ends_with("; Path=/; Max-Age=60; HttpOnly; SameSite=Strict"),
        "{plain}"
    );
    let tls = sessions.start(&grant(None), true, NOW).cookie;
    let tls = tls.to_str().unwrap();
    assert!(
        tls.starts_with("__Host-p2pjob_") && tls.ends_with("; SameSite=Strict; Secure"),
        "{tls}"
    );
    assert!(
        sessions
            .farewell(false)
            .to_str()
            .unwrap()
            .contains("=; Path=/; Max-Age=0;")
    );
}

#[test]
fn a_damaged_key_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.key");
    std::fs::write(&path, "short").unwrap();
    let error = Sessions::open(dir.path(), NodeId([7; 32]), 1).err().unwrap();
    assert!(error.contains("session.key") && error.contains("delete it"), "{error}");
}
