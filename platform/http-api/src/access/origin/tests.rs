//! Hosts, origins and proofs, as tables.

use super::*;
use axum::body::Body;

const TEXT: &str = "foreign_origin";

fn hosts() -> Hosts {
    Hosts::new(&["Lab.example".to_owned()], &["https://app.example".to_owned()])
}

#[test]
fn only_our_own_names_are_hosts() {
    let good = [
        "127.0.0.1",
        "127.0.0.1:4780",
        "[::1]",
        "[::1]:4780",
        "localhost",
        "LOCALHOST:1",
        "lab.example",
        "LAB.EXAMPLE:443",
        "10.1.2.3:80",
    ];
    let bad = [
        "",
        "evil.example",
        "lab.example.evil",
        "evil-lab.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost:port",
        "127.0.0.1:99999",
        "127.0.0.1@evil.example",
        "[::1].evil",
        "[evil]",
        "lab.example.",
        "127.1.evil:80",
        "a b",
    ];
    for host in good {
        assert!(hosts().knows(host), "{host}");
    }
    for host in bad {
        assert!(!hosts().knows(host), "{host}");
    }
}

fn facts(method: &str, tls: bool, headers: &[(&str, &str)]) -> Result<Facts, Problem> {
    let mut request = Request::builder().method(method).uri("/api/v1/tasks");
    for (name, value) in [("host", "127.0.0.1:4780")].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let address = "127.0.0.1:9".parse().unwrap();
    request.extensions_mut().insert(Peer {
        address,
        tls,
        strict: false,
    });
    Facts::of(&request, &hosts())
}

/// What the proof of a request comes to: `ok`, or the code of the problem.
fn proof(method: &str, by: By, headers: &[(&str, &str)]) -> String {
    let facts = facts(method, false, headers).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.insert(name, HeaderValue::from_str(value).unwrap());
    }
    facts
        .check_proof(by, &map)
        .map_or_else(|problem| problem.code, |()| "ok".to_owned())
}

#[test]
fn an_origin_is_our_own_only_with_scheme_host_and_port() {
    let origin = |value: &str, tls| facts("POST", tls, &[("origin", value)]).unwrap().origin;
    assert_eq!(origin("http://127.0.0.1:4780", false), Origin::Own);
    assert_eq!(
        origin("https://127.0.0.1:4780", false),
        Origin::Own,
        "a proxy added TLS"
    );
    assert_eq!(origin("https://127.0.0.1:4780", true), Origin::Own);
    assert_eq!(origin("http://127.0.0.1:4780", true), Origin::Foreign);
    assert!(matches!(origin("https://app.example", false), Origin::Allowed(_)));
    let foreign = [
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:4781",
        "http://localhost:4780",
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:8443",
        "ftp://127.0.0.1:4780",
        "",
    ];
    for text in foreign {
        assert_eq!(origin(text, false), Origin::Foreign, "{text}");
    }
}

#[test]
fn changes_need_a_proof_of_their_page() {
    let own = ("origin", "http://127.0.0.1:4780");
    let app = ("origin", "https://app.example");
    let evil = ("origin", "https://evil.example");
    let site = |value| ("sec-fetch-site", value);
    type Case = (&'static str, By, Vec<(&'static str, &'static str)>, &'static str);
    let cases: Vec<Case> = vec![
        ("POST", By::Cookie, vec![own], "ok"),
        ("POST", By::Cookie, vec![own, site("same-origin")], "ok"),
        ("POST", By::Cookie, vec![site("none")], "ok"),
        ("POST", By::Cookie, vec![], "csrf"),
        ("POST", By::Cookie, vec![(CSRF_HEADER, "1")], "ok"),
        ("POST", By::Cookie, vec![evil, (CSRF_HEADER, "1")], TEXT),
        ("POST", By::Cookie, vec![app], TEXT),
        ("POST", By::Cookie, vec![site("same-site")], TEXT),
        ("POST", By::Cookie, vec![site("cross-site"), (CSRF_HEADER, "1")], TEXT),
        ("DELETE", By::Anonymous, vec![], "ok"),
        ("POST", By::Anonymous, vec![site("cross-site")], TEXT),
        ("POST", By::Anonymous, vec![evil], TEXT),
        ("POST", By::Anonymous, vec![("origin", "null")], TEXT),
        ("POST", By::Nobody, vec![evil], TEXT),
        ("POST", By::Nobody, vec![], "ok"),
        ("POST", By::Bearer, vec![], "ok"),
        ("POST", By::Bearer, vec![app, site("cross-site")], "ok"),
        ("POST", By::Bearer, vec![evil], TEXT),
        ("GET", By::Cookie, vec![evil], "ok"),
        ("GET", By::Cookie, vec![evil, ("upgrade", "websocket")], TEXT),
        ("GET", By::Cookie, vec![own, ("upgrade", "websocket")], "ok"),
        ("GET", By::Anonymous, vec![app, ("upgrade", "websocket")], TEXT),
        ("GET", By::Nobody, vec![app, ("upgrade", "websocket")], "ok"),
        ("GET", By::Nobody, vec![evil, ("upgrade", "websocket")], TEXT),
        ("GET", By::Bearer, vec![app, ("upgrade", "websocket")], "ok"),
    ];
    for (method, by, headers, wanted) in cases {
        assert_eq!(proof(method, by, &headers), wanted, "{method} {by:?} {headers:?}");
    }
}

#[test]
fn pages_of_others_get_nothing_from_cookies() {
    let foreign = |method: &str, headers: &[(&str, &str)]| facts(method, false, headers).unwrap().is_foreign();
    assert!(!foreign("GET", &[]));
    assert!(foreign("GET", &[("origin", "https://app.example")]));
    assert!(foreign("GET", &[("sec-fetch-site", "cross-site")]));
    assert!(
        foreign("GET", &[("sec-fetch-site", "same-site")]),
        "another port of this machine is another page"
    );
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert!(!foreign("GET", &link), "a person follows a link");
    assert!(foreign("POST", &link), "a form is sent");
}

#[test]
fn odd_heads_are_refused() {
    let with = |headers: &[(&str, &str)]| facts("GET", false, headers).map(|facts| facts.forwarded);
    assert_eq!(with(&[]), Ok(false));
    assert_eq!(
        with(&[("host", "127.0.0.1:4780")]).unwrap_err().status,
        421,
        "two hosts"
    );
    for name in FORWARDED {
        assert_eq!(with(&[(name, "anything")]), Ok(true), "{name}");
    }
    let mut absolute = Request::builder()
        .uri("http://evil.example/")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    absolute.extensions_mut().insert(Peer {
        address: "127.0.0.1:9".parse().unwrap(),
        tls: false,
        strict: false,
    });
    assert_eq!(Facts::of(&absolute, &hosts()).unwrap_err().status, 421);
}
