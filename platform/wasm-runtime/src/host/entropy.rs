//! `entropy`: random bytes that all replicas of a chunk draw alike: BLAKE3's extendable output over the call's seed.

use super::{Host, HostState, Stop, cost, enter};
use job_model::limits::MAX_ENTROPY_BYTES;
use wasmtime::component::Linker;

pub(super) const NAME: &str = "p2pjob:job/entropy@0.1.0";

/// The bytes of one call, drawn one after the other.
pub(crate) struct Entropy(blake3::OutputReader);

impl Entropy {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("p2pjob 2026-11 entropy v1");
        hasher.update(seed);
        Self(hasher.finalize_xof())
    }
}

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker
        .instance(NAME)?
        .func_wrap("bytes", |mut host: Host<'_>, (length,): (u32,)| {
            enter(
                &mut host,
                u64::from(length.min(MAX_ENTROPY_BYTES)),
                cost::ENTROPY_FUEL_PER_BYTE,
            )?;
            if length > MAX_ENTROPY_BYTES {
                let refusal =
                    format!("entropy.bytes: {length} bytes asked for, at most {MAX_ENTROPY_BYTES} a call are allowed");
                return Err(Stop::Refused(refusal).into());
            }
            let mut bytes = vec![0; length as usize];
            host.data_mut().entropy.0.fill(&mut bytes);
            Ok((bytes,))
        })
}
