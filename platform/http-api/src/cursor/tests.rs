//! Cursors are of their query, and nothing else is a cursor.

use super::Binding;

fn binding(query: &str) -> Binding<'_> {
    Binding { list: "tasks", query }
}

#[test]
fn a_cursor_brings_its_position_back() {
    for position in [b"".as_slice(), b"x", &[0; 40], &[255; 256]] {
        let cursor = binding("status=running").cursor(position);
        assert_eq!(
            binding("status=running").position(&cursor).expect("of this query"),
            position
        );
    }
}

#[test]
fn a_cursor_of_another_query_is_refused() {
    let cursor = binding("status=running").cursor(b"place");
    let other_list = Binding {
        list: "chunks",
        query: "status=running",
    };
    assert_eq!(
        binding("status=failed")
            .position(&cursor)
            .expect_err("other filters")
            .code,
        "bad_cursor"
    );
    assert_eq!(
        other_list.position(&cursor).expect_err("another list").code,
        "bad_cursor"
    );
}

#[test]
fn what_was_made_up_is_refused() {
    let real = binding("q").cursor(b"place");
    let mut changed = real.clone().into_bytes();
    changed[0] ^= 1;
    let changed = String::from_utf8(changed).expect("still text");
    let long = "00".repeat(10_000);
    for text in [
        "",
        "0",
        "zz",
        "+1+1+1+1+1+1+1+1",
        "00112233445566",
        "\u{e9}\u{e9}\u{e9}\u{e9}",
        &changed,
        &real[2..],
        &long,
    ] {
        assert!(binding("q").position(text).is_err(), "{text:.40} passed");
    }
}
