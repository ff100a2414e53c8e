//! Which URLs are taken, and that names are checked after the look-up.

use super::{Caller, Message, TargetError, check_target, check_url};
use bytes::Bytes;

#[test]
fn urls_that_lead_inside_are_refused() {
    let inside = [
        "https://127.0.0.1/",
        "https://[::1]:8443/x",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://0/",
    ];
    for url in inside {
        assert!(
            matches!(check_url(url, false), Err(TargetError::Private(..))),
            "{url}: {:?}",
            check_url(url, false)
        );
        assert!(check_url(url, true).is_ok(), "{url} is allowed on request");
    }
}

#[test]
fn other_urls_are_refused_with_a_reason() {
    let plain = check_url("http://example.com/", false).expect_err("it is not encrypted");
    assert_eq!(plain.to_string(), "the url must begin with https://, not http://");
    assert!(check_url("http://example.com/", true).is_ok());
    for allow_private in [false, true] {
        assert!(matches!(
            check_url("ftp://example.com/", allow_private),
            Err(TargetError::Scheme { .. })
        ));
        assert!(matches!(
            check_url("file:///etc/passwd", allow_private),
            Err(TargetError::Scheme { .. })
        ));
        assert!(matches!(
            check_url("nonsense", allow_private),
            Err(TargetError::Malformed(_))
        ));
        assert!(matches!(
            check_url("https://", allow_private),
            Err(TargetError::Malformed(_))
        ));
        assert_eq!(
            check_url("https://user:word@example.com/", allow_private),
            Err(TargetError::UserInfo)
        );
        let long = format!("https://example.com/{}", "x".repeat(3_000));
        assert!(matches!(check_url(&long, allow_private), Err(TargetError::TooLong(_))));
    }
    assert!(check_url("https://example.com:8443/hook?a=b", false).is_ok());
}

#[tokio::test]
async fn names_of_this_machine_are_refused_before_and_during_the_call() {
    let refused = check_target("https://localhost/", false).await;
    assert!(matches!(refused, Err(TargetError::Private(..))), "{refused:?}");
    let caller = Caller::new(false, 5_000).expect("a caller");
    let message = Message {
        url: "https://localhost:9/",
        id: "msg_1",
        secret: "whsec_AAAA",
        body: Bytes::from_static(b"{}"),
    };
    let attempt = caller.call(message).await;
    let error = attempt.error.expect("it is refused");
    assert!(error.contains("localhost is loopback"), "{error}");
}
