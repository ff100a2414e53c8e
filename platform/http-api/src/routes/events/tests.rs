//! Reading where a stream begins and what it is to hold. Streams over real nodes: tests/it/http_events.rs.

use super::*;

fn headers(last: &str) -> HeaderMap {
    let name = header::HeaderName::from_static(LAST_EVENT_ID);
    HeaderMap::from_iter([(name, HeaderValue::from_bytes(last.as_bytes()).unwrap())])
}

fn query(from: Option<u64>) -> EventQuery {
    EventQuery {
        from,
        ..EventQuery::default()
    }
}

#[test]
fn a_client_that_comes_again_goes_on_after_its_last_event() {
    assert_eq!(first_position(&query(Some(3)), &headers("41"), 9).ok(), Some(42));
    assert_eq!(first_position(&query(Some(3)), &headers(""), 9).ok(), Some(3));
    assert_eq!(first_position(&query(Some(0)), &HeaderMap::new(), 9).ok(), Some(1));
    assert_eq!(first_position(&query(None), &HeaderMap::new(), 9).ok(), Some(9));
}

#[test]
fn a_bad_last_event_is_named() {
    for bad in [
        "x",
        "-1",
        "1.5",
        "18446744073709551615",
        "99999999999999999999",
        "\u{fc}",
    ] {
        let problem = first_position(&query(None), &headers(bad), 1).unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (400, "bad_input"), "{bad}");
        assert_eq!(problem.errors[0].field, "Last-Event-ID");
    }
}

#[test]
fn types_are_names_of_events() {
    assert_eq!(read_types(None).unwrap(), Vec::<&str>::new());
    assert_eq!(
        read_types(Some("task_failed, task_completed,")).unwrap(),
        ["task_failed", "task_completed"]
    );
    let problem = read_types(Some("task_failed,nonsense")).unwrap_err();
    assert!(
        problem.errors[0].field == "types" && problem.detail.contains("\"nonsense\""),
        "{problem:?}"
    );
}

#[test]
fn accept_is_a_list_with_parameters() {
    let with = |text| HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))]);
    assert!(accepts(&with("text/html, Text/Event-Stream;q=0.9"), EVENT_STREAM));
    assert!(!accepts(&with("*/*"), EVENT_STREAM));
    assert!(!accepts(&HeaderMap::new(), EVENT_STREAM));
}
