//! Tests of the scheduler, all through one door: [`check`] runs a script and compares what comes out.

mod checks;
mod compared;
mod explained;
mod garbage;
mod limits;
mod money;
mod order;
mod recovery;
mod script;
mod verdicts;

use script::Script;

/// Runs a script. Lines that start with `>` are inputs (see [`Script::input`]); the lines after each are what must come
/// out, in order. Invariants are checked after every input, and at the end a replay of all events must show the same.
#[track_caller]
fn check(text: &str) {
    let mut script = Script::new();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some(input) = lines.next() {
        let input = input
            .strip_prefix('>')
            .unwrap_or_else(|| panic!("expected an input, got {input:?}"));
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('>')) {
            expected.push(line.to_owned());
        }
        let got = script.input(input.trim());
        assert_eq!(got, expected, "after > {input}");
    }
    script.check_replay();
}
