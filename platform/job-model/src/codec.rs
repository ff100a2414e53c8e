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
#[expect(
    clippy::panic,
    reason = "a type of ours that does not encode is a bug here, never a stranger's doing"
)]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    match cbor4ii::serde::to_vec(Vec::with_capacity(128), value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("a value of {} does not encode: {error}", std::any::type_name::<T>()),
    }
}

/// Decodes a value of at most `limit` bytes. Bytes after the value are an error.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge {
            bytes: bytes.len(),
            limit,
        });
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

/// JSON values inside our own types: `#[serde(with = "codec::json")]`. cbor4ii writes the unit as an empty array, and
/// serde_json writes null as the unit, so a plain null would come back as `[]`; here it is written as CBOR's null.
pub mod json {
    use serde::ser::{SerializeMap, SerializeSeq};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    struct Json<'a>(&'a Value);

    impl Serialize for Json<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                Value::Null => serializer.serialize_none(),
                Value::Array(items) => {
                    let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                    for item in items {
                        sequence.serialize_element(&Json(item))?;
                    }
                    sequence.end()
                }
                Value::Object(fields) => {
                    let mut map = serializer.serialize_map(Some(fields.len()))?;
                    for (name, field) in fields {
                        map.serialize_entry(name, &Json(field))?;
                    }
                    map.end()
                }
                plain => plain.serialize(serializer),
            }
        }
    }

    /// Writes a value.
    pub fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        Json(value).serialize(serializer)
    }
    /// Reads a value.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
}

/// Encodes a JSON value, such as parameters a user wrote, as CBOR: null stays null.
pub fn encode_json(value: &serde_json::Value) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(transparent)]
    struct Wrapped<'a>(#[serde(serialize_with = "borrowed")] &'a serde_json::Value);
    fn borrowed<S: serde::Serializer>(value: &&serde_json::Value, serializer: S) -> Result<S::Ok, S::Error> {
        json::serialize(value, serializer)
    }
    encode(&Wrapped(value))
}
