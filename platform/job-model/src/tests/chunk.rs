//! Plans are checked against limits and inputs; chunk keys tell apart what may differ in result.

use crate::chunk::PlanError;
use crate::limits::{MAX_CHUNK_BODY_BYTES, MAX_CHUNK_SLICES, MAX_CHUNKS};
use crate::{BlobHash, Chunk, ChunkKey, FloatClass, InputRef, JobId, Plan, ProfileId, Slice};

fn input(size: u64) -> InputRef {
    InputRef {
        name: "text".to_owned(),
        hash: BlobHash([4; 32]),
        size,
    }
}
fn chunk(slices: Vec<Slice>) -> Chunk {
    Chunk {
        body: vec![1],
        slices,
        weight: 1,
    }
}
fn slice(input: u32, offset: u64, length: u64) -> Slice {
    Slice { input, offset, length }
}
fn check(slices: Vec<Slice>) -> Result<(), PlanError> {
    Plan {
        chunks: vec![chunk(vec![]), chunk(slices)],
    }
    .check(&[input(100), input(0)])
}

#[test]
fn slices_lie_inside_their_inputs() {
    assert_eq!(check(vec![slice(0, 0, 100), slice(0, 100, 0), slice(1, 0, 0)]), Ok(()));
    for (bad, size) in [
        (slice(0, 0, 101), Some(100)),
        (slice(0, 100, 1), Some(100)),
        (slice(0, 101, 0), Some(100)),
        (slice(0, u64::MAX, 1), Some(100)),
        (slice(0, 1, u64::MAX), Some(100)),
        (slice(1, 0, 1), Some(0)),
        (slice(2, 0, 0), None),
        (slice(u32::MAX, 0, 0), None),
    ] {
        let Slice { input, offset, length } = bad;
        assert_eq!(
            check(vec![bad]),
            Err(PlanError::Range {
                chunk: 1,
                input,
                offset,
                length,
                size
            })
        );
    }
}

#[test]
fn limits_hold_at_their_edges() {
    let of = |chunks: Vec<Chunk>| Plan { chunks }.check(&[]);
    assert_eq!(of(vec![]), Err(PlanError::Empty));
    let body = |bytes: usize| Chunk {
        body: vec![0; bytes],
        slices: vec![],
        weight: 1,
    };
    assert_eq!(of(vec![body(MAX_CHUNK_BODY_BYTES)]), Ok(()));
    let bytes = MAX_CHUNK_BODY_BYTES + 1;
    assert_eq!(of(vec![body(bytes)]), Err(PlanError::Body { chunk: 0, bytes }));
    assert_eq!(check(vec![slice(0, 0, 1); MAX_CHUNK_SLICES]), Ok(()));
    let slices = MAX_CHUNK_SLICES + 1;
    assert_eq!(
        check(vec![slice(0, 0, 1); slices]),
        Err(PlanError::Slices { chunk: 1, slices })
    );
    let most = MAX_CHUNKS as usize;
    assert_eq!(of(vec![body(0); most]), Ok(()));
    assert_eq!(of(vec![body(0); most + 1]), Err(PlanError::TooManyChunks(most + 1)));
}

#[test]
fn a_chunk_key_tells_everything_apart_that_matters() {
    let base = chunk(vec![slice(0, 5, 10)]);
    let key = |chunk: &Chunk, profile: u8, job: u8, blob: u8| {
        let inputs = [InputRef {
            name: "text".to_owned(),
            hash: BlobHash([blob; 32]),
            size: 100,
        }];
        ChunkKey::new(
            &ProfileId([profile; 32]),
            &JobId([job; 32]),
            FloatClass::Exact,
            chunk,
            &inputs,
        )
    };
    let same = key(&base, 1, 2, 3);
    assert_eq!(
        key(
            &Chunk {
                weight: 99,
                ..base.clone()
            },
            1,
            2,
            3
        ),
        same,
        "weight does not change the result"
    );
    let others = [
        key(&base, 9, 2, 3),
        key(&base, 1, 9, 3),
        key(&base, 1, 2, 9),
        key(
            &Chunk {
                body: vec![2],
                ..base.clone()
            },
            1,
            2,
            3,
        ),
        key(&chunk(vec![slice(0, 6, 10)]), 1, 2, 3),
        key(&chunk(vec![slice(0, 5, 11)]), 1, 2, 3),
        key(&chunk(vec![]), 1, 2, 3),
        key(&chunk(vec![slice(0, 5, 10), slice(0, 5, 10)]), 1, 2, 3),
    ];
    assert!(others.iter().all(|other| *other != same));
    // The name of an input is for people: the bytes decide.
    let renamed = [InputRef {
        name: "other".to_owned(),
        hash: BlobHash([3; 32]),
        size: 100,
    }];
    assert_eq!(
        ChunkKey::new(&ProfileId([1; 32]), &JobId([2; 32]), FloatClass::Exact, &base, &renamed),
        same
    );
}

#[test]
fn float_classes_have_keys_of_their_own() {
    let key = |class| ChunkKey::new(&ProfileId([1; 32]), &JobId([2; 32]), class, &chunk(vec![]), &[]);
    assert_ne!(key(FloatClass::Exact), key(FloatClass::Fast));
}
