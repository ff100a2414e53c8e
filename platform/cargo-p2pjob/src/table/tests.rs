//! How tables look.

use super::*;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(&["node", "why"]);
    assert!(table.is_empty());
    table.row(["a".to_owned(), "busy\nnow".to_owned()]);
    table.row(["größer".to_owned(), String::new()]);
    assert_eq!(table.render(), "NODE    WHY\na       busy now\ngrößer\n");
}

#[test]
fn long_lists_are_cut_with_a_count() {
    assert_eq!(some_of(&[1, 2, 3], 5), "1, 2, 3");
    assert_eq!(some_of(&[1, 2, 3], 2), "1, 2 and 1 more");
}
