//! The engine's settings and the profile that names them.
//!
//! Everything that can change an output, an outcome or the fuel of a call stands here, once for wasmtime
//! ([`wasmtime_config`]) and once for the hash ([`profile`]). A change here is a new profile: results made under the old
//! one are neither compared nor recalled.

use crate::host;
use job_model::ProfileId;
use std::num::NonZeroUsize;
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

/// Version of wasmtime: its instruction costs and code generator are part of the profile. A test holds it against the
/// workspace manifest.
pub(crate) const ENGINE_VERSION: &str = "48.0.8";
/// Stack of a guest, in bytes: wasmtime's default. A sandbox thread's own stack (8 MiB) must hold it.
const GUEST_STACK_BYTES: usize = 512 << 10;
/// Frames kept of a backtrace: enough to leave the panic machinery and reach the job's own code.
const BACKTRACE_FRAMES_MAX: NonZeroUsize = NonZeroUsize::new(32).unwrap();
/// Elements of one table, the same on every node because `table.grow` shows it to the guest: Python's and JavaScript's
/// interpreters have about 10 000 functions in theirs.
pub(crate) const TABLE_ELEMENTS_MAX: usize = 64 << 10;
/// Core instances of one component: the job, its adapters and the shims that componentising adds.
const CORE_INSTANCES_PER_COMPONENT: u32 = 16;
/// Linear memories of one component: the job's and an adapter's.
const MEMORIES_PER_COMPONENT: u32 = 2;
/// Tables of one component: one for each of its modules that has functions to point to.
const TABLES_PER_COMPONENT: u32 = 8;
/// Granularity of linear memory, in bytes (the WebAssembly page).
pub(crate) const PAGE_BYTES: u64 = 64 << 10;
/// Largest memory of a sandbox, in bytes: what 32-bit memories can address.
pub(crate) const MEMORY_BYTES_MAX: u64 = 4 << 30;

/// The settings as they enter the profile, in words. Keep beside [`wasmtime_config`].
const SETTINGS: &str = "fuel; epochs; canonical NaN; SIMD without relaxed SIMD; no memory64, multi-memory, threads, \
    GC, exceptions or component concurrency; copy-on-write memory; memory.grow over the limit ends the call; \
    fuel set after instantiation";

/// wasmtime's configuration. `slots` sandboxes may live at once.
pub(crate) fn wasmtime_config(slots: u32, max_memory_bytes: usize) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .total_memories(slots.saturating_mul(MEMORIES_PER_COMPONENT))
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .total_tables(slots.saturating_mul(TABLES_PER_COMPONENT))
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_memory_size(max_memory_bytes)
        // Idle slots hold no memory: measured as fast as keeping some, and a node at rest stays small.
        .linear_memory_keep_resident(0)
        .table_keep_resident(0);
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_component_model(true)
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .memory_init_cow(true)
        .parallel_compilation(true)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES_MAX))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// The metering profile under these settings.
pub(crate) fn profile(max_memory_bytes: u64) -> ProfileId {
    let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 metering profile v1");
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(ENGINE_VERSION.as_bytes());
    field(SETTINGS.as_bytes());
    field(&(TABLE_ELEMENTS_MAX as u64).to_le_bytes());
    field(&max_memory_bytes.to_le_bytes());
    for (name, fuel) in host::cost::TABLE {
        field(name.as_bytes());
        field(&fuel.to_le_bytes());
    }
    for interface in host::PROFILED_INTERFACES {
        field(interface.as_bytes());
    }
    ProfileId(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests;
