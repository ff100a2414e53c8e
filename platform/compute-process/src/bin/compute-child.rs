//! The child's side of this crate as a program of its own, for its tests. Its one argument says which GPU.

use compute_process::{Gpu, ServeOptions, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    let gpu = std::env::args().nth(1).unwrap_or_default();
    let Ok(gpu) = gpu.parse::<Gpu>();
    match serve(
        ServeOptions { gpu },
        std::io::stdin().lock(),
        Box::new(std::io::stdout()),
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
