//! Files that somebody may try to publish, and that are no jobs.

use crate::{Program, SHELL, encode};

macro_rules! misfits {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A file that is no job.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Misfit {
            $($(#[doc = $doc])* $name,)*
        }

        impl Misfit {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

misfits! {
    /// Nothing at all.
    Empty,
    /// Some text.
    Text,
    /// Noise behind a component's first eight bytes.
    Noise,
    /// A job, cut in half.
    Truncated,
    /// A core module.
    CoreModule,
    /// A component that exports nothing.
    NoExports,
    /// A job without `reduce`, whose `run` is an instance instead of a function.
    WrongExports,
    /// A component that wants a file system and a clock.
    WasiImports,
    /// A job whose `run` takes a string.
    WrongTypes,
    /// A job whose `check` says nothing.
    WrongCheck,
    /// A job for a contract that does not exist yet.
    FutureContract,
    /// 200 MB of zeros.
    Huge,
}

impl Misfit {
    /// The file.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Text => b"fn main() {}\n".to_vec(),
            Self::Noise => {
                let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
                bytes.extend((0u32..10_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8));
                bytes
            }
            Self::Truncated => {
                let mut bytes = Program::Echo.component();
                bytes.truncate(bytes.len() / 2);
                bytes
            }
            Self::CoreModule => encode("(module (func (export \"run\")))", "CoreModule"),
            Self::NoExports => encode("(component)", "NoExports"),
            Self::WrongExports => encode(WRONG_EXPORTS, "WrongExports"),
            Self::WasiImports => encode(WASI_IMPORTS, "WasiImports"),
            Self::WrongTypes => encode(WRONG_TYPES, "WrongTypes"),
            Self::WrongCheck => {
                let text = Program::Echo.text();
                let inside = text.trim_end().strip_suffix(')').unwrap_or_default();
                encode(&format!("{inside}{WRONG_CHECK})"), "WrongCheck")
            }
            Self::FutureContract => encode(FUTURE_CONTRACT, "FutureContract"),
            Self::Huge => vec![0; 200_000_000],
        }
    }

    /// The shell of the programs, for tests that compare it with the contract.
    pub fn shell() -> &'static str {
        SHELL
    }
}

const WRONG_EXPORTS: &str = r#"(component
    (core module $M (func (export "f") (result i32) i32.const 0))
    (core instance $m (instantiate $M))
    (func $f (result u32) (canon lift (core func $m "f")))
    (instance $i (export "f" (func $f)))
    (export "describe" (func $f))
    (export "plan" (func $f))
    (export "run" (instance $i)))"#;

const WASI_IMPORTS: &str = r#"(component
    (import "wasi:clocks/wall-clock@0.2.9" (instance))
    (import "wasi:filesystem/preopens@0.2.9" (instance)))"#;

const WRONG_TYPES: &str = r#"(component
    (core module $M (func (export "f") (result i32) i32.const 0))
    (core instance $m (instantiate $M))
    (func $f (result u32) (canon lift (core func $m "f")))
    (export "describe" (func $f))
    (export "plan" (func $f))
    (export "run" (func $f))
    (export "reduce" (func $f)))"#;

const WRONG_CHECK: &str = r#"
  (func (export "check") (param "body" (list u8)) (result (result (error string)))
    (canon lift (core func $main "run") (memory $memory) (realloc $realloc)))"#;

const FUTURE_CONTRACT: &str = r#"(component
    (import "p2pjob:job/output@0.9.0" (instance $output (export "write" (func (param "bytes" (list u8))))))
    (core module $M (func (export "f") (result i32) i32.const 0))
    (core instance $m (instantiate $M))
    (func $f (result u32) (canon lift (core func $m "f")))
    (export "describe" (func $f))
    (export "plan" (func $f))
    (export "run" (func $f))
    (export "reduce" (func $f)))"#;
