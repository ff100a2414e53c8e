//! What extractors say of bad requests.

use super::{Query, decode, merged_query, percent_encode, read_id, shown};
use axum::extract::FromRequestParts;
use axum::http::{Request, Uri};
use job_model::BlobHash;
use serde::Deserialize;

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Body {
    reason: String,
    inner: Option<Inner>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    count: u32,
}

#[test]
fn wrong_fields_of_a_body_are_named_by_their_place() {
    let table = [
        (r#"{"reason": 5}"#, "reason"),
        (r#"{}"#, "reason"),
        (r#"{"reason": "", "x": 1}"#, "x"),
        (r#"{"reason": "", "inner": {"count": -1}}"#, "inner.count"),
        (r#"{"reason": "", "inner": {}}"#, "inner.count"),
        (r#"{"reason": "", "inner": {"count": 1, "y": 2}}"#, "inner.y"),
        ("[]", "body"),
    ];
    for (text, field) in table {
        let problem = decode::<Body>(text.as_bytes()).expect_err(text);
        assert_eq!(
            problem.errors.first().map(|error| error.field.as_str()),
            Some(field),
            "{text}: {problem:?}"
        );
        assert_eq!(problem.status, 400);
    }
    for text in ["", "{", "{}x", "\u{0}"] {
        assert_eq!(decode::<Body>(text.as_bytes()).expect_err(text).status, 400);
    }
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Filters {
    status: Option<String>,
    limit: Option<u32>,
}

async fn query(text: &str) -> Result<Filters, crate::problem::Problem> {
    let request = Request::builder().uri(format!("/?{text}")).body(()).expect("a request");
    let (mut parts, ()) = request.into_parts();
    Query::<Filters>::from_request_parts(&mut parts, &())
        .await
        .map(|Query(filters)| filters)
}

#[tokio::test]
async fn a_name_given_several_times_is_a_list() {
    let found = query("status=a&limit=5&status=b%2Cc").await.expect("a good query");
    assert_eq!(
        found,
        Filters {
            status: Some("a,b,c".to_owned()),
            limit: Some(5)
        }
    );
    assert_eq!(
        query("").await.expect("nothing"),
        Filters {
            status: None,
            limit: None
        }
    );
}

#[tokio::test]
async fn wrong_filters_are_named() {
    for (text, field) in [
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("what=1", "what"),
    ] {
        let problem = query(text).await.expect_err(text);
        assert_eq!(
            problem.errors.first().map(|error| error.field.as_str()),
            Some(field),
            "{text}: {problem:?}"
        );
    }
    // Bytes that are no UTF-8 must not be an error of ours.
    let _ = query("status=%ff%fe").await;
    assert!(query(&format!("limit={}", "9".repeat(50_000))).await.is_err());
}

#[test]
fn merging_keeps_special_characters() {
    let uri: Uri = "/?q=a%26b%3Dc%20d%2B".parse().expect("an address");
    assert_eq!(merged_query(&uri).expect("a query"), "q=a%26b%3Dc%20d%2B");
    assert_eq!(percent_encode("\u{e9}/"), "%C3%A9%2F");
}

#[test]
fn only_lower_case_hashes_of_the_right_length_are_hashes() {
    assert!(read_id::<BlobHash>(&"0a".repeat(32)).is_ok());
    for text in [
        "",
        "..",
        "0A",
        &"0A".repeat(32),
        &"0a".repeat(33),
        &"0g".repeat(32),
        &"\u{e9}".repeat(32),
    ] {
        assert!(read_id::<BlobHash>(text).is_err(), "{text}");
    }
    assert!(shown(&"\u{e9}".repeat(1000)).len() < 100);
}
