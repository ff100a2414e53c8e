//! Names, cursors and file names. Bytes over real nodes: tests/it/http_blobs.rs.

use super::sending::disposition;
use super::*;

#[test]
fn pin_names_are_names() {
    for good in ["a", "data-set_1.v2:x", &"x".repeat(64)] {
        assert_eq!(checked_name(good).ok(), Some(good));
    }
    for bad in ["", "a b", "a/b", "..%2f", "ü", "a\n", &"x".repeat(65)] {
        let problem = checked_name(bad).unwrap_err();
        assert_eq!(
            (problem.status, problem.errors[0].field.as_str()),
            (400, "name"),
            "{bad:?}"
        );
    }
}

#[test]
fn a_file_name_is_no_path_and_no_header() {
    let cases = [
        ("a.json", "a.json", "a.json"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("c:\\x\\y.txt", "y.txt", "y.txt"),
        (".bashrc", "bashrc", "bashrc"),
        ("a\"b;c\r\nX: y", "a_b_c__X_ y", "a_b_c__X_%20y"),
        ("résumé", "r_sum_", "r%C3%A9sum%C3%A9"),
        ("", "blob.bin", "blob.bin"),
        ("...", "blob.bin", "blob.bin"),
    ];
    for (name, ascii, encoded) in cases {
        let expected = format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}");
        assert_eq!(disposition(name), expected, "{name:?}");
    }
    assert!(disposition(&"x".repeat(1000)).len() < 400);
}
