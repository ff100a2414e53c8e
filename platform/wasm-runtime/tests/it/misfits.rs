//! Files that are no jobs: each is refused with a text that names what is wrong and what to do.

use crate::rig::engine;
use guest_programs::Misfit;
use wasm_runtime::LoadError;

macro_rules! tests {
    ($($misfit:ident => $test:ident: $error:pat, $text:literal;)*) => {
        const _: fn(Misfit) = |misfit| match misfit { $(Misfit::$misfit => (),)* };
        $(
            #[test]
            fn $test() {
                let error = engine().load(&Misfit::$misfit.bytes()).err().expect("refused");
                assert!(matches!(error, $error), "{error:?}");
                assert!(error.to_string().contains($text), "{error}");
            }
        )*
    };
}

tests! {
    Empty => empty: LoadError::NotWasm, "`cargo p2pjob build`";
    Text => text: LoadError::NotWasm, "magic number";
    Noise => noise: LoadError::DoesNotCompile(_), "does not compile";
    Truncated => truncated: LoadError::DoesNotCompile(_), "does not compile";
    CoreModule => core_module: LoadError::CoreModule, "a core WebAssembly module, not a component; build it with `cargo p2pjob build`";
    NoExports => no_exports: LoadError::MissingExports(_), "does not export describe, plan, run, reduce;";
    WrongExports => wrong_exports: LoadError::MissingExports(_), "does not export run, reduce;";
    WasiImports => wasi_imports: LoadError::ForbiddenImports(_), "imports wasi:clocks/wall-clock@0.2.9, wasi:filesystem/preopens@0.2.9,";
    WrongTypes => wrong_types: LoadError::Contract(_), "does not fit this platform's contract";
    WrongCheck => wrong_check: LoadError::Contract(_), "`check` is not func(body: list<u8>) -> result<bool, string>";
    FutureContract => future_contract: LoadError::Contract(_), "p2pjob:job/output@0.9.0";
    Huge => huge: LoadError::TooLarge { bytes: 200_000_000 }, "200000000 bytes, at most 67108864";
}
