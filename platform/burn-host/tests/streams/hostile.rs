//! Streams that no guest of ours would send: recorded ones with changes. Each ends in an answer or an error, within the
//! memory it was given.

use crate::{Call, Stream, streams};
use burn_host::ExactHost;
use tensor_compute::{BurnHost, BurnUpload, Session, Settings};

/// Memory of a session, in bytes.
const MEMORY: u64 = 64 << 20;
/// Changed streams for each recorded one.
const ROUNDS: usize = 30;

/// A generator of changes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

fn recorded() -> Vec<Stream> {
    ["elementwise", "moves", "folds", "products", "layers"]
        .into_iter()
        .flat_map(streams)
        .collect()
}

fn change(dice: &mut Dice, calls: &mut [Call]) {
    for _ in 0..1 + dice.below(3) {
        let at = dice.below(calls.len());
        let bytes = match &mut calls[at] {
            Call::Submit(bytes) | Call::Read(bytes, _) => bytes,
            Call::Upload(id, shape, kind, bytes) => match dice.below(4) {
                0 => {
                    *id = dice.below(60) as u64;
                    continue;
                }
                1 => {
                    let huge = [0, 1, 7, 1 << 40, u64::MAX];
                    shape.push(huge[dice.below(huge.len())]);
                    continue;
                }
                2 => kind,
                _ => bytes,
            },
        };
        if bytes.is_empty() {
            continue;
        }
        let place = dice.below(bytes.len());
        match dice.below(6) {
            0 => bytes[place] ^= 1 << dice.below(8),
            1 => bytes[place] = dice.below(256) as u8,
            2 => bytes[place] = [0, 1, 127, 128, 255][dice.below(5)],
            3 => bytes.truncate(place),
            // A long number in the middle of everything.
            4 => drop(bytes.splice(place..place, [255, 255, 255, 255, 255, 255, 255, 255, 127])),
            _ => {
                let from = dice.below(bytes.len());
                let length = (1 + dice.below(40)).min(bytes.len() - from);
                let copy = bytes[from..from + length].to_vec();
                drop(bytes.splice(place..place, copy));
            }
        }
    }
}

/// Plays a stream; returns whether it was refused.
fn play(calls: &[Call], memory: u64) -> bool {
    let account = Session::new(Settings::default(), memory);
    account.grant(40_000_000);
    let mut session = ExactHost.open(&account).unwrap();
    let mut refused = false;
    for call in calls {
        let answer = match call {
            Call::Submit(batch) => session.submit(&account, batch).map(drop),
            Call::Read(name, _) => session.read(&account, name).map(drop),
            Call::Upload(id, shape, element_type, bytes) => session.upload(
                &account,
                BurnUpload {
                    id: *id,
                    shape,
                    element_type,
                    bytes,
                },
            ),
        };
        refused |= answer.is_err();
    }
    assert!(
        account.peak_bytes() <= memory,
        "{} bytes were leased of {memory}",
        account.peak_bytes()
    );
    drop(session);
    assert_eq!(account.live_bytes(), 0, "memory that nobody holds is still counted");
    refused
}

#[test]
fn changed_streams_end_in_an_answer_or_an_error() {
    let streams = recorded();
    let refused = streams.iter().find(|(_, calls)| play(calls, MEMORY));
    assert!(
        refused.is_none(),
        "a recorded stream is refused: {:?}",
        refused.map(|(name, ..)| name)
    );
    let (mut dice, mut refused) = (Dice(2026), 0);
    for (_, calls) in &streams {
        for _ in 0..ROUNDS {
            let mut calls = calls.clone();
            change(&mut dice, &mut calls);
            refused += usize::from(play(&calls, MEMORY));
        }
    }
    let total = ROUNDS * streams.len();
    assert!(
        refused > total / 2,
        "only {refused} of {total} changed streams were refused"
    );
}

#[test]
fn every_prefix_and_reordering_is_answered() {
    for (_, calls) in recorded() {
        for end in 0..calls.len() {
            play(&calls[..end], MEMORY);
            let mut turned = calls.clone();
            turned.rotate_left(end);
            play(&turned, MEMORY);
        }
        // Too little memory at any point is an error, not an abort.
        for memory in [0, 100, 10_000, 300_000] {
            play(&calls, memory);
        }
    }
}
