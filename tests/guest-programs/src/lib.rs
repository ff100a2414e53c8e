//! Guest programs for tests: jobs that try to misbehave ([`Program`]), and files that are no jobs ([`Misfit`]).
//!
//! Programs are WebAssembly text inside one shell (`job.wat`), so tests need no guest toolchain and start at once. A test
//! that must cover every program matches on the enum without a wildcard: a program without a test does not compile.

mod misfits;
mod programs;

pub use misfits::Misfit;
pub use programs::Program;

const SHELL: &str = include_str!("job.wat");

/// What stands in for the exports a program leaves out: a manifest, one empty chunk, and success without output.
const DEFAULTS: [(&str, &str); 4] = [
    ("describe", "(func (export \"describe\") (result i32) (i32.const 128))"),
    (
        "plan",
        "(func (export \"plan\") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
           (call $chunks (i32.const 256) (i32.const 1)))",
    ),
    ("run", "(func (export \"run\") (param i32 i32) (result i32) (call $ok))"),
    (
        "reduce",
        "(func (export \"reduce\") (param i32 i32) (result i32) (call $ok))",
    ),
];

impl Program {
    /// The component. Panics when the text is wrong: these are fixtures.
    pub fn component(self) -> Vec<u8> {
        encode(&self.text(), &format!("{self:?}"))
    }

    fn text(self) -> String {
        let mut functions = self.functions().to_owned();
        for (name, default) in DEFAULTS {
            if !functions.contains(&format!("(export \"{name}\")")) {
                functions.push('\n');
                functions.push_str(default);
            }
        }
        SHELL.replace("{{functions}}", &functions)
    }
}

fn encode(text: &str, name: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}
