//! What host functions cost, in fuel. Part of the profile: a changed number is a new profile.
//!
//! | what | fuel |
//! |---|---|
//! | every host function, per call | [`CALL_FUEL`] |
//! | `inputs.read`, per byte returned | [`COPY_FUEL_PER_BYTE`] |
//! | `output.write`, per byte written | [`COPY_FUEL_PER_BYTE`] |
//! | `partials.next`, per byte returned | [`COPY_FUEL_PER_BYTE`] |
//! | `log.write`, per byte of the message (the part that is cut off included) | [`COPY_FUEL_PER_BYTE`] |
//! | `metrics.*`, per byte of the name (the part that is cut off included) | [`COPY_FUEL_PER_BYTE`] |
//! | `entropy.bytes`, per byte returned | [`ENTROPY_FUEL_PER_BYTE`] |
//!
//! The scale: one fuel is about 0.1 ns of integer code on a machine of 2026. Bytes handed to the guest are also paid for
//! by the guest, in the allocation its own code makes for them.

/// One call: crossing into the host and back takes about 50 ns.
pub const CALL_FUEL: u64 = 500;
/// One byte copied: what wasmtime charges for `memory.copy`.
pub const COPY_FUEL_PER_BYTE: u64 = 1;
/// One byte drawn: BLAKE3 gives about a gigabyte a second on one core.
pub const ENTROPY_FUEL_PER_BYTE: u64 = 10;

/// The table as it enters the profile.
pub const TABLE: [(&str, u64); 3] = [
    ("call", CALL_FUEL),
    (
        "copy per byte: inputs.read output.write partials.next log.write",
        COPY_FUEL_PER_BYTE,
    ),
    ("draw per byte: entropy.bytes", ENTROPY_FUEL_PER_BYTE),
];
