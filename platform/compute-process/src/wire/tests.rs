//! Frames, whole and broken.

use super::*;

fn ask() -> ToChild {
    ToChild::Ask {
        session: 7,
        budget: Budget {
            fuel: 1,
            memory_bytes: 2,
        },
        dropped: vec![3, 4],
        request: FastRequest::BurnOpen,
    }
}

#[test]
fn frames_come_as_they_went() {
    let mut stream = Vec::new();
    write(&mut stream, &ask(), &[1, 2, 3]).unwrap();
    write(&mut stream, &ToChild::Describe { measure: true }, &[]).unwrap();
    let mut from = stream.as_slice();
    assert_eq!(read(&mut from).unwrap(), Some((ask(), vec![1, 2, 3])));
    assert_eq!(
        read(&mut from).unwrap(),
        Some((ToChild::Describe { measure: true }, Vec::new()))
    );
    assert_eq!(read::<ToChild>(&mut from).unwrap(), None);
}

#[test]
fn what_is_cut_off_or_lies_is_an_error() {
    let whole = encode(&ask(), &[9; 100]).unwrap();
    for end in 1..whole.len() {
        assert!(read::<ToChild>(&mut &whole[..end]).is_err(), "{end}");
    }
    // Lengths that nobody may ask for, and one that is not there.
    for (header, payload) in [(u32::MAX, 0_u64), (0, u64::MAX), (4, 1 << 29)] {
        let mut lie = header.to_le_bytes().to_vec();
        lie.extend_from_slice(&payload.to_le_bytes());
        lie.extend_from_slice(&[0; 64]);
        assert!(read::<ToChild>(&mut lie.as_slice()).is_err(), "{header} {payload}");
    }
    let mut noise = 3_u32.to_le_bytes().to_vec();
    noise.extend_from_slice(&0_u64.to_le_bytes());
    noise.extend_from_slice(&[255; 3]);
    assert!(
        read::<ToChild>(&mut noise.as_slice())
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
}

#[test]
fn errors_keep_their_kind_and_words() {
    use tensor_compute::ComputeError;
    let errors = [
        ComputeError::Shape {
            op: "matmul",
            why: "[2, 3] by [2, 3]".to_owned(),
        },
        ComputeError::Singular {
            op: "inverse",
            reciprocal_condition: 1e-20,
        },
        ComputeError::Unsupported {
            operators: vec!["Foo".to_owned()],
        },
        ComputeError::Memory {
            wanted_bytes: 3,
            live_bytes: 2,
            limit_bytes: 1,
        },
        ComputeError::OutOfFuel,
        ComputeError::Cancelled,
        ComputeError::Device("gone".to_owned()),
    ];
    for error in errors {
        let sent = postcard::to_stdvec(&WireError::from(error.clone())).unwrap();
        let came: WireError = postcard::from_bytes(&sent).unwrap();
        assert_eq!(ComputeError::from(came), error);
    }
}
