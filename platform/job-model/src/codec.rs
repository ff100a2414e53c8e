//! CBOR (RFC 8949) in and out, always under a size limit. A stranger's bytes end in an error, never in a panic.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes from outside are no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than this kind of value may have.
    #[error("{bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// No CBOR, or CBOR of another shape.
    #[error("not a valid {what}: {why}")]
    Malformed {
        /// The expected type.
        what: &'static str,
        /// The decoder's reason.
        why: String,
    },
}

/// Encodes a value. Our own types always encode; a failure is a bug here, so it is loud.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    match cbor4ii::serde::to_vec(Vec::with_capacity(128), value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("a value of {} does not encode: {error}", std::any::type_name::<T>()),
    }
}

/// Decodes a value of at most `limit` bytes. Bytes after the value are an error.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge { bytes: bytes.len(), limit });
    }
    let what = std::any::type_name::<T>().rsplit("::").next().unwrap_or("value");
    let malformed = |why: String| DecodeError::Malformed { what, why };
    let reader = cbor4ii::core::utils::SliceReader::new(bytes);
    let mut deserializer = cbor4ii::serde::Deserializer::new(reader);
    let value = T::deserialize(&mut deserializer).map_err(|error| malformed(error.to_string()))?;
    let mut rest = deserializer.into_inner();
    let left = cbor4ii::core::dec::Read::fill(&mut rest, 1).map_err(|error| malformed(error.to_string()))?;
    if !left.as_ref().is_empty() {
        return Err(malformed("there are bytes after the value".to_owned()));
    }
    Ok(value)
}
