//! Pieces give what the whole gives, and nothing is written outside.

use super::*;
use crate::session::Settings;

const ALL: [DType; 13] = [
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::Bool,
];

fn session() -> Session {
    Session::unlimited(Settings::default())
}

#[test]
fn pieces_at_odd_places_give_the_whole() {
    let session = session();
    for dtype in ALL {
        let size = dtype.size() * 6;
        let bytes: Vec<u8> = (0..size)
            .map(|at| u8::from(dtype != DType::Bool) * at as u8 + at as u8 % 2)
            .collect();
        let mut builder = TensorBuilder::new(&session, "test", dtype, &[2, 3]).unwrap();
        for at in (0..size).step_by(5).rev() {
            builder.put(at, &bytes[at..size.min(at + 5)]).unwrap();
        }
        let tensor = builder.finish().unwrap();
        let whole = Tensor::from_le_bytes(dtype, &[2, 3], &bytes, None).unwrap();
        assert_eq!(tensor.le_bytes().unwrap(), whole.to_le_bytes().unwrap(), "{dtype}");
        assert_eq!(tensor.le_bytes().unwrap(), bytes.as_slice(), "{dtype}");
        assert_eq!(session.live_bytes(), size as u64);
        drop(tensor);
        assert_eq!(session.live_bytes(), 0);
    }
}

#[test]
fn nothing_is_written_outside() {
    let session = session();
    for dtype in [DType::F32, DType::Bool] {
        let mut builder = TensorBuilder::new(&session, "test", dtype, &[2]).unwrap();
        let bytes = 2 * dtype.size();
        assert!(builder.put(0, &vec![0; bytes + 1]).is_err());
        assert!(builder.put(bytes, &[0]).is_err());
        assert!(builder.put(usize::MAX, &[0]).is_err());
        assert!(builder.put(bytes, &[]).is_ok());
    }
    assert!(TensorBuilder::new(&session, "test", DType::Text, &[1]).is_err());
    assert!(TensorBuilder::new(&session, "test", DType::U8, &[1 << 40, 1 << 40]).is_err());
}

#[test]
fn a_number_takes_the_nearest_value_of_its_type() {
    let session = session();
    let filled = |dtype, value| {
        let tensor = Tensor::filled(&session, "test", (dtype, &[2]), value).unwrap();
        tensor.le_bytes().unwrap()[..dtype.size()].to_vec()
    };
    assert_eq!(filled(DType::I8, 300.0), [127]);
    assert_eq!(filled(DType::U8, -1.5), [0]);
    assert_eq!(filled(DType::I32, f64::NAN), 0i32.to_le_bytes());
    assert_eq!(filled(DType::Bool, 0.5), [1]);
    assert_eq!(filled(DType::F32, 0.1), 0.1f32.to_le_bytes());
    assert_eq!(filled(DType::F16, 1e9), f16::INFINITY.to_le_bytes());
    assert!(Tensor::filled(&session, "test", (DType::Text, &[1]), 0.0).is_err());
}

#[test]
fn every_nan_leaves_as_the_same() {
    let odd = f32::from_bits(0xffc1_2345);
    let tensor = Tensor::new::<f32>(&[4], vec![1.0, odd, f32::NAN, -0.0]).unwrap();
    let plain = Tensor::new::<f32>(&[4], vec![1.0, f32::NAN, f32::NAN, -0.0]).unwrap();
    let nan = 0x7fc0_0000_u32.to_le_bytes();
    assert_eq!(tensor.le_bytes().unwrap()[4..8], nan);
    assert_eq!(tensor.le_bytes(), plain.le_bytes());
    // A piece that begins and ends within elements.
    assert_eq!(
        tensor.le_piece(5, 5).unwrap().as_ref(),
        &plain.to_le_bytes().unwrap()[5..10]
    );
    assert!(tensor.le_piece(12, 5).is_none());
    let half = Tensor::new::<f16>(&[1], vec![f16::from_bits(0xfe01)]).unwrap();
    assert_eq!(half.le_bytes().unwrap().as_ref(), 0x7e00_u16.to_le_bytes());
}
