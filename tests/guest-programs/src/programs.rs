//! The programs: each overrides the exports it needs; addresses 512 to 4095 are theirs.

macro_rules! programs {
    ($($(#[doc = $doc:literal])* $name:ident: $functions:literal,)*) => {
        /// A job that behaves in one particular way.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Program {
            $($(#[doc = $doc])* $name,)*
        }

        impl Program {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) fn functions(self) -> &'static str {
                match self {
                    $(Self::$name => $functions,)*
                }
            }
        }
    };
}

programs! {
    /// `run` writes its body back.
    Echo: r#"
        (func (export "run") (param $at i32) (param $length i32) (result i32)
          (call $write (local.get $at) (local.get $length)) (call $ok))"#,
    /// `run` reports progress once and never ends.
    InfiniteLoop: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $report (i64.const 1) (i64.const 2)) (loop $again (br $again)) unreachable)"#,
    /// The module's start function never ends: before any export is called.
    InfiniteStart: r#"
        (func $forever (loop $again (br $again)))
        (start $forever)"#,
    /// `run` takes memory until somebody stops it.
    MemoryHog: r#"
        (func (export "run") (param i32 i32) (result i32)
          (loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable)"#,
    /// `run` asks for all of 4 GiB at once.
    MemoryAtOnce: r#"
        (func (export "run") (param i32 i32) (result i32) (drop (memory.grow (i32.const 65535))) (call $ok))"#,
    /// `run` takes 100 more pages (6.25 MiB) and writes to the last.
    MemoryModest: r#"
        (func (export "run") (param i32 i32) (result i32)
          (i32.store (i32.shl (i32.add (memory.grow (i32.const 100)) (i32.const 99)) (i32.const 16)) (i32.const 1))
          (call $ok))"#,
    /// `run` grows a table until it can grow no more, and writes the table's final size.
    TableHog: r#"
        (table $t 1 funcref)
        (func (export "run") (param i32 i32) (result i32)
          (loop $again
            (br_if $again (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1024)))))
          (i32.store (i32.const 512) (table.size $t))
          (call $write (i32.const 512) (i32.const 4)) (call $ok))"#,
    /// `run` calls itself a hundred million times.
    DeepRecursion: r#"
        (func $down (param $n i32) (result i32)
          (if (result i32) (i32.eqz (local.get $n))
            (then (i32.const 0))
            (else (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))))
        (func (export "run") (param i32 i32) (result i32) (drop (call $down (i32.const 100000000))) (call $ok))"#,
    /// `run` writes 32 KiB again and again.
    OutputFlood: r#"
        (func (export "run") (param i32 i32) (result i32)
          (loop $again (call $write (i32.const 0) (i32.const 32768)) (br $again)) unreachable)"#,
    /// `run` writes 32 MiB in one piece.
    OutputAtOnce: r#"
        (func (export "run") (param i32 i32) (result i32)
          (drop (memory.grow (i32.const 512)))
          (call $write (i32.const 0) (i32.const 33554432)) (call $ok))"#,
    /// `run` returns an error of 4 MiB of two-byte characters, after one byte that shifts them.
    LongError: r#"
        (func (export "run") (param i32 i32) (result i32)
          (local $at i32)
          (drop (memory.grow (i32.const 80)))
          (i32.store8 (i32.const 65536) (i32.const 120))
          (local.set $at (i32.const 65537))
          (loop $again
            (i32.store16 (local.get $at) (i32.const 0xa9c3))
            (local.set $at (i32.add (local.get $at) (i32.const 2)))
            (br_if $again (i32.lt_u (local.get $at) (i32.const 4259841))))
          (call $err (i32.const 65536) (i32.const 4194305)))"#,
    /// `run` returns an error of 100 MiB.
    EndlessError: r#"
        (func (export "run") (param i32 i32) (result i32)
          (drop (memory.grow (i32.const 1600)))
          (call $err (i32.const 4096) (i32.const 104857600)))"#,
    /// `run` logs a panic message as a panic hook would, and traps three calls deep, in functions with mangled names.
    Panic: r#"
        (data (i32.const 512) "panicked at src/lib.rs:7:5: the sky is falling")
        (func $_RNvC5guest5inner (param i32) (result i32) unreachable)
        (func $_ZN5guest5outer17h0123456789abcdefE (param $n i32) (result i32)
          (i32.add (i32.const 1) (call $_RNvC5guest5inner (local.get $n))))
        (func (export "run") (param $at i32) (param i32) (result i32)
          (call $log (i32.const 3) (i32.const 512) (i32.const 46))
          (call $_ZN5guest5outer17h0123456789abcdefE (local.get $at)))"#,
    /// `run` reads an address it does not have.
    OutOfBounds: r#"
        (func (export "run") (param i32 i32) (result i32) (i32.load (i32.const 0x7fffffff)))"#,
    /// `run` divides by zero.
    DivideByZero: r#"
        (func (export "run") (param $at i32) (param i32) (result i32)
          (i32.div_u (i32.const 7) (i32.sub (local.get $at) (local.get $at))))"#,
    /// `run` calls a function of a table entry that is empty.
    BadCall: r#"
        (table $t 4 funcref)
        (type $f (func (result i32)))
        (func (export "run") (param i32 i32) (result i32) (call_indirect $t (type $f) (i32.const 2)))"#,
    /// `run` reads slice 7.
    ReadMissing: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $read (i32.const 7) (i64.const 0) (i32.const 1) (i32.const 512)) (call $ok))"#,
    /// `run` reads a megabyte and a byte of slice 0.
    ReadTooMuch: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $read (i32.const 0) (i64.const 0) (i32.const 1048577) (i32.const 512)) (call $ok))"#,
    /// `run` writes the last 4 bytes of slice 0 (asking for 100), then what lies 2^63 bytes behind them (nothing).
    ReadPastEnd: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $read (i32.const 0) (i64.sub (call $size (i32.const 0)) (i64.const 4)) (i32.const 100) (i32.const 512))
          (call $write (i32.load (i32.const 512)) (i32.load (i32.const 516)))
          (call $read (i32.const 0) (i64.const 0x8000000000000000) (i32.const 100) (i32.const 512))
          (call $write (i32.load (i32.const 512)) (i32.load (i32.const 516)))
          (call $ok))"#,
    /// `run` reads slice 0 from start to end, 64 KiB at a time, and writes it.
    Copy: r#"
        (func (export "run") (param i32 i32) (result i32)
          (local $offset i64)
          (block $done (loop $again
            (br_if $done (i64.ge_u (local.get $offset) (call $size (i32.const 0))))
            (call $read (i32.const 0) (local.get $offset) (i32.const 65536) (i32.const 512))
            (call $write (i32.load (i32.const 512)) (i32.load (i32.const 516)))
            (local.set $offset (i64.add (local.get $offset) (i64.const 65536)))
            (call $report (local.get $offset) (call $size (i32.const 0)))
            (br $again)))
          (call $ok))"#,
    /// `run` draws 96 bytes in two pieces and writes them.
    Entropy: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $entropy (i32.const 32) (i32.const 512))
          (call $write (i32.load (i32.const 512)) (i32.load (i32.const 516)))
          (call $entropy (i32.const 64) (i32.const 512))
          (call $write (i32.load (i32.const 512)) (i32.load (i32.const 516)))
          (call $ok))"#,
    /// `run` draws 64 KiB and a byte.
    EntropyTooMuch: r#"
        (func (export "run") (param i32 i32) (result i32)
          (call $entropy (i32.const 65537) (i32.const 512)) (call $ok))"#,
    /// `run` lets the host work for it, without end.
    HostWork: r#"
        (func (export "run") (param i32 i32) (result i32)
          (loop $again (drop (call $size (i32.const 0))) (br $again)) unreachable)"#,
    /// `run` logs 5000 short lines and one of 20 000 bytes first.
    LogFlood: r#"
        (data (i32.const 512) "line")
        (func (export "run") (param i32 i32) (result i32)
          (local $n i32)
          (memory.fill (i32.const 8192) (i32.const 120) (i32.const 20000))
          (call $log (i32.const 1) (i32.const 8192) (i32.const 20000))
          (loop $again
            (call $log (i32.const 0) (i32.const 512) (i32.const 4))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 5000))))
          (call $ok))"#,
    /// `run` logs an escape sequence.
    LogEscape: r#"
        (data (i32.const 512) "\1b[2Jgone")
        (func (export "run") (param i32 i32) (result i32)
          (call $log (i32.const 2) (i32.const 512) (i32.const 8)) (call $ok))"#,
    /// `run` logs bytes that are no text.
    LogNoText: r#"
        (data (i32.const 512) "\ff\fe")
        (func (export "run") (param i32 i32) (result i32)
          (call $log (i32.const 1) (i32.const 512) (i32.const 2)) (call $ok))"#,
    /// `run` writes the bits of 0/0 and of the square root of -1.
    NotANumber: r#"
        (func (export "run") (param i32 i32) (result i32)
          (local $zero f64)
          (f64.store (i32.const 512) (f64.div (local.get $zero) (local.get $zero)))
          (f64.store (i32.const 520) (f64.sqrt (f64.sub (local.get $zero) (f64.const 1))))
          (call $write (i32.const 512) (i32.const 16)) (call $ok))"#,
    /// `run` writes how often it was called in this sandbox.
    Counter: r#"
        (global $calls (mut i32) (i32.const 0))
        (func (export "run") (param i32 i32) (result i32)
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (i32.store (i32.const 512) (global.get $calls))
          (call $write (i32.const 512) (i32.const 4)) (call $ok))"#,
    /// `plan` returns an error, `run` asks for partials, `reduce` joins the partials and reads an input that it has not.
    Misplaced: r#"
        (data (i32.const 512) "no plan today")
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (call $err (i32.const 512) (i32.const 13)))
        (func (export "run") (param i32 i32) (result i32) (drop (call $count)) (call $ok))
        (func (export "reduce") (param i32 i32) (result i32) (drop (call $size (i32.const 0))) (call $ok))"#,
    /// `plan` writes output.
    PlanWrites: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (call $write (i32.const 0) (i32.const 1)) (call $chunks (i32.const 256) (i32.const 1)))"#,
    /// `reduce` joins the partials.
    Join: r#"
        (func (export "reduce") (param i32 i32) (result i32)
          (loop $again
            (call $next (i32.const 512))
            (if (i32.load8_u (i32.const 512)) (then
              (call $write (i32.load (i32.const 516)) (i32.load (i32.const 520)))
              (br $again))))
          (call $ok))"#,
    /// `plan` returns ten million chunks.
    PlanFlood: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (drop (memory.grow (i32.const 3670)))
          (call $chunks (i32.const 8192) (i32.const 10000000)))"#,
    /// `plan` returns one chunk more than the hint allows.
    PlanOneTooMany: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32) (param $max i32) (result i32)
          (drop (memory.grow (i32.const 100)))
          (call $chunks (i32.const 8192) (i32.add (local.get $max) (i32.const 1))))"#,
    /// `plan` returns a chunk with a slice of input 3.
    PlanOutOfRange: r#"
        (data (i32.const 512) "\00\00\00\00\00\00\00\00\20\02\00\00\01\00\00\00\01\00\00\00\00\00\00\00")
        (data (i32.const 544) "\03\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00")
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (call $chunks (i32.const 512) (i32.const 1)))"#,
    /// `plan` returns 200 chunks whose bodies all are the same 16 MiB.
    PlanOverlap: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (local $at i32)
          (drop (memory.grow (i32.const 300)))
          (local.set $at (i32.const 8192))
          (loop $again
            (i32.store (local.get $at) (i32.const 16384))
            (i32.store offset=4 (local.get $at) (i32.const 16777216))
            (local.set $at (i32.add (local.get $at) (i32.const 24)))
            (br_if $again (i32.lt_u (local.get $at) (i32.const 12992))))
          (call $chunks (i32.const 8192) (i32.const 200)))"#,
    /// `plan` returns one chunk that holds the first byte of input 0.
    PlanByInput: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (call $read (i32.const 0) (i64.const 0) (i32.const 1) (i32.const 512))
          (call $chunks (i32.const 512) (i32.const 1)))"#,
    /// `plan` returns one chunk that holds 8 random bytes.
    PlanByEntropy: r#"
        (func (export "plan") (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)
          (call $entropy (i32.const 8) (i32.const 512))
          (call $chunks (i32.const 512) (i32.const 1)))"#,
    /// `describe` returns text that is no manifest.
    NoManifest: r#"
        (data (i32.const 512) "\08\02\00\00\02\00\00\00[]")
        (func (export "describe") (result i32) (i32.const 512))"#,
    /// `run` returns a result whose tag is neither ok nor error, as no compiler would.
    BadTag: r#"
        (func (export "run") (param i32 i32) (result i32) (i32.store8 (i32.const 64) (i32.const 9)) (i32.const 64))"#,
    /// `run` works for about a second of integer code, then ends.
    Slow: r#"
        (func (export "run") (param i32 i32) (result i32)
          (local $n i64)
          (loop $again
            (local.set $n (i64.add (local.get $n) (i64.const 1)))
            (br_if $again (i64.lt_u (local.get $n) (i64.const 2000000000))))
          (call $ok))"#,
}
