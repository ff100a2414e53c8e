//! Tags, and who may see and change what. What needs a node is in the integration tests.

use super::{is_known, may_change};
use crate::caller::Caller;
use axum::http::{HeaderMap, HeaderValue, header};
use node::config::Role;
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn tags_are_compared_weakly() {
    let tag = "W/\"abc\"";
    for (sent, known) in [
        ("W/\"abc\"", true),
        ("\"abc\"", true),
        ("\"x\", W/\"abc\"", true),
        ("*", true),
        ("\"abcd\"", false),
        ("", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(sent));
        assert_eq!(is_known(&headers, tag), known, "{sent}");
    }
    assert!(!is_known(&HeaderMap::new(), tag));
}

#[test]
fn tasks_of_others_are_for_operators() {
    let caller = |role| Caller {
        role,
        name: "ann".to_owned(),
        token: Some("t".to_owned()),
        own_only: false,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    for (role, own, others) in [
        (Role::Viewer, false, false),
        (Role::Submitter, true, false),
        (Role::Operator, true, true),
        (Role::Admin, true, true),
    ] {
        assert_eq!(may_change(&caller(role), "ann").is_ok(), own, "{role:?}");
        assert_eq!(may_change(&caller(role), "bob").is_ok(), others, "{role:?}");
    }
}
