//! Misbehaviour to order, for local test networks. Reached only through [`crate::config::Faults`], which only the
//! hidden child process of `p2pjob up` fills in.

use job_model::event::ReplicaResult;
use job_model::{Outcome, Output};

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
