//! Misbehaviour to order, for local test networks. Reached only through [`crate::config::Faults`], which only the
//! hidden child process of `p2pjob up` fills in.

use job_model::event::ReplicaResult;
use job_model::{NodeId, Outcome, Output};

/// Turns a right result into a plausible wrong one.
pub fn falsify(result: &mut ReplicaResult) {
    if let Outcome::Value(output) = &mut result.outcome {
        let wrong = match output {
            Output::Inline(bytes) => {
                let mut bytes = bytes.clone();
                match bytes.last_mut() {
                    Some(last) => *last ^= 1,
                    None => bytes.push(0),
                }
                bytes
            }
            // The blob itself stays as it is; the lie is a small output in its place.
            Output::Blob { hash, .. } => hash.as_bytes().to_vec(),
        };
        *output = Output::Inline(wrong);
    }
}

/// Makes the last bits of an inline `.npy` of `f64` this node's own, as other hardware would.
pub fn jitter(result: &mut ReplicaResult, me: &NodeId) {
    let Outcome::Value(Output::Inline(bytes)) = &mut result.outcome else {
        return;
    };
    let is_ours = bytes.starts_with(b"\x93NUMPY\x01") && bytes.windows(3).any(|word| word == b"<f8");
    let Some([low, high]) = bytes
        .get(8..10)
        .filter(|_| is_ours)
        .and_then(|b| <[u8; 2]>::try_from(b).ok())
    else {
        return;
    };
    let header = 10 + usize::from(u16::from_le_bytes([low, high]));
    let bits = me.as_bytes()[0];
    for word in bytes.get_mut(header..).unwrap_or_default().chunks_exact_mut(8) {
        if let Some(low) = word.first_mut() {
            *low ^= bits;
        }
    }
}
