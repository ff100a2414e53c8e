//! Frames without a network.

use super::*;
use crate::fault::Misbehaviour;
use crate::wire::FrameBuffer;

#[test]
fn frames_come_out_however_the_bytes_come_in() {
    let frames: [&[u8]; 4] = [b"", b"a", b"hello", &[7; 1000]];
    let mut bytes = Vec::new();
    for frame in frames {
        bytes.extend_from_slice(&u32::try_from(frame.len()).expect("small").to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    for step in [1, 2, 3, 5, 7, 64, 4096] {
        let mut buffer = FrameBuffer::new(1000);
        let mut out = Vec::new();
        for chunk in bytes.chunks(step) {
            buffer.push(chunk);
            while let Some(frame) = buffer.pop().expect("within the limit") {
                out.push(frame);
            }
        }
        assert_eq!(out, frames);
        assert!(buffer.is_between_frames());
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_length_alone() {
    let mut buffer = FrameBuffer::new(1000);
    buffer.push(&1001u32.to_be_bytes());
    assert_eq!(
        buffer.pop(),
        Err(Misbehaviour::Oversized {
            bytes: 1001,
            limit: 1000
        })
    );
}

#[test]
fn no_bytes_whatever_make_it_panic() {
    // A cheap generator with a fixed seed: the same bytes in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..2000 {
        let mut buffer = FrameBuffer::new(64);
        for _ in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bytes = (state >> 20).to_le_bytes();
            buffer.push(&bytes[..usize::try_from(state >> 61).expect("small")]);
            match buffer.pop() {
                Ok(Some(frame)) => {
                    let _ = crate::wire::check_hello(&frame, &key(1).id());
                    let _ = crate::wire::check_message(&frame);
                }
                Ok(None) => {}
                Err(_) => break,
            }
        }
    }
}
