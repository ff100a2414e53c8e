//! CBOR in and out, the form of parameters, chunk bodies and partials.

use crate::error::{Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Encodes a value as CBOR. Fails only where the value's own `Serialize` does.
pub fn to_cbor<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    cbor4ii::serde::to_vec(Vec::new(), value)
        .map_err(|error| Error::new(format_args!("{} does not encode as CBOR: {error}", short_name::<T>())))
}

/// Decodes one CBOR value; bytes after it are an error.
pub fn from_cbor<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let malformed = |why: &dyn std::fmt::Display| Error::new(format_args!("not a valid {}: {why}", short_name::<T>()));
    let reader = cbor4ii::core::utils::SliceReader::new(bytes);
    let mut deserializer = cbor4ii::serde::Deserializer::new(reader);
    let value = T::deserialize(&mut deserializer).map_err(|error| match error {
        // The type's own words, without the decoder's quotes around them.
        cbor4ii::serde::DecodeError::Custom(why) => malformed(&why),
        error => malformed(&error),
    })?;
    let mut rest = deserializer.into_inner();
    let left = cbor4ii::core::dec::Read::fill(&mut rest, 1).map_err(|error| malformed(&error))?;
    if !left.as_ref().is_empty() {
        return Err(malformed(&"there are bytes after the value"));
    }
    Ok(value)
}

fn short_name<T>() -> &'static str {
    std::any::type_name::<T>().rsplit("::").next().unwrap_or("value")
}
