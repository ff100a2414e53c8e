//! A guest's backtrace as text: function names as they are written in the source, innermost first, places where known.

use rustc_demangle::demangle;
use std::fmt::Write;
use wasmtime::{FrameInfo, WasmBacktrace};

/// The frame in which Rust's panic machinery begins; it and what it calls say nothing about the job.
const PANIC_ENTRY: &str = "rust_begin_unwind";

/// One line a frame, each after a line feed; empty when there is no backtrace. Frames of the host are never part of it.
pub(crate) fn text(error: &wasmtime::Error) -> String {
    let frames = error
        .downcast_ref::<WasmBacktrace>()
        .map_or(&[][..], WasmBacktrace::frames);
    let from_panic = |frame: &FrameInfo| frame.func_name().is_some_and(|name| name.contains(PANIC_ENTRY));
    let first = frames.iter().position(from_panic).map_or(0, |entry| entry + 1);
    let mut text = String::new();
    for (number, frame) in frames.iter().skip(first).enumerate() {
        let name = frame
            .func_name()
            .map_or_else(|| format!("function {}", frame.func_index()), readable);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {number:>2}: {name}");
        for symbol in frame.symbols() {
            if let (Some(file), Some(line)) = (symbol.file(), symbol.line()) {
                let inlined = symbol.name().map(readable).filter(|inlined| *inlined != name);
                let inlined = inlined.map(|name| format!("{name} ")).unwrap_or_default();
                let _ = write!(text, "\n        {inlined}at {file}:{line}");
            }
        }
    }
    text
}

/// Demangled, without the hashes that tell two versions of a crate apart.
fn readable(name: &str) -> String {
    format!("{:#}", demangle(name))
}
