//! The platform's functions: the contract's imports in a sandbox, the simulation of `testing` in a native test.

pub(crate) mod compute;

#[cfg(target_arch = "wasm32")]
mod platform {
    use crate::bindings::p2pjob::job as imports;
    use crate::log::Level;

    pub fn size(index: u32) -> u64 {
        imports::inputs::size(index)
    }

    pub fn read(index: u32, offset: u64, length: u32) -> Vec<u8> {
        imports::inputs::read(index, offset, length)
    }

    pub fn output_write(bytes: &[u8]) {
        imports::output::write(bytes);
    }

    pub fn partials_next() -> Option<Vec<u8>> {
        imports::partials::next()
    }

    pub fn partials_count() -> u32 {
        imports::partials::count()
    }

    pub fn partial_open() -> Option<u64> {
        imports::tensors::open_partial()
    }

    pub fn partial_read(offset: u64, length: u32) -> Vec<u8> {
        imports::tensors::read_partial(offset, length)
    }

    pub fn log_write(level: Level, message: &str) {
        let level = match level {
            Level::Debug => imports::log::Level::Debug,
            Level::Info => imports::log::Level::Info,
            Level::Warn => imports::log::Level::Warn,
            Level::Error => imports::log::Level::Error,
        };
        imports::log::write(level, message);
    }

    pub fn counter_add(name: &str, value: f64) {
        imports::metrics::counter_add(name, value);
    }

    pub fn gauge_set(name: &str, value: f64) {
        imports::metrics::gauge_set(name, value);
    }

    pub fn observe(name: &str, value: f64) {
        imports::metrics::observe(name, value);
    }

    /// Reports `done` of `total`, in a unit of the job's choice. Cheap enough for a few times a second, not for every item.
    pub fn progress(done: u64, total: u64) {
        imports::progress::report(done, total);
    }

    /// `length` random bytes, at most 64 KiB, the same in every replica of the chunk.
    pub fn entropy(length: u32) -> Vec<u8> {
        imports::entropy::bytes(length)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod platform {
    pub use crate::testing::simulated::{
        counter_add, entropy, gauge_set, log_write, observe, output_write, partial_open, partial_read, partials_count,
        partials_next, progress, read, size,
    };
}

pub(crate) use platform::{
    counter_add, gauge_set, log_write, observe, output_write, partial_open, partial_read, partials_count,
    partials_next, read, size,
};
pub use platform::{entropy, progress};
