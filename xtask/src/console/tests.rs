//! Reading what the packer prints, and what counts as the console.

use super::*;

#[test]
fn sizes_are_read_and_only_the_console_itself_counts() {
    let lines = "assets/a.js\t3000\t1000\nindex.html\t500\t300\ntools/docs/b.js\t9000000\t3000000\nnonsense\n";
    let built: Vec<Built> = lines.lines().filter_map(read_line).collect();
    assert_eq!(built.len(), 3);
    assert_eq!(show(&built), 1_300);
    assert_eq!(read_line("a\tb\t3"), None);
}
