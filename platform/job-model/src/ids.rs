//! 32-byte identities. Each is its own type, so that a blob can never be passed where a job is meant.
//! On the wire: a CBOR byte string of 32 bytes. For people and JSON: 64 lower-case hex digits; short form: the first 10.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// The text has another length than 64.
    #[error("expected 64 hexadecimal digits, got {0} characters")]
    Length(usize),
    /// The text holds something that is no hexadecimal digit.
    #[error("expected 64 hexadecimal digits, found {0:?}")]
    Digit(char),
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

fn from_hex(text: &str) -> Result<[u8; 32], ParseIdError> {
    let mut bytes = [0u8; 32];
    let mut count = 0usize;
    for character in text.chars() {
        let digit = character.to_digit(16).ok_or(ParseIdError::Digit(character))?;
        if let Some(slot) = bytes.get_mut(count / 2) {
            *slot = (*slot << 4) | u8::try_from(digit).unwrap_or(0);
        }
        count += 1;
    }
    if count == 64 {
        Ok(bytes)
    } else {
        Err(ParseIdError::Length(count))
    }
}

struct IdVisitor;

impl<'de> de::Visitor<'de> for IdVisitor {
    type Value = [u8; 32];
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("32 bytes or 64 hexadecimal digits")
    }
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<[u8; 32], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<[u8; 32], E> {
        from_hex(text).map_err(E::custom)
    }
}

macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
            /// The first ten hex digits: enough for people, never for look-ups.
            pub fn short(&self) -> String {
                to_hex(&self.0[..5])
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hex(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                from_hex(text).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.serialize_str(&to_hex(&self.0)) } else { serializer.serialize_bytes(&self.0) }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let bytes = if deserializer.is_human_readable() { deserializer.deserialize_str(IdVisitor)? } else { deserializer.deserialize_bytes(IdVisitor)? };
                Ok(Self(bytes))
            }
        }
    };
}

define_id!(
    /// A published job: the BLAKE3 hash of its component's bytes.
    JobId
);
define_id!(
    /// A blob: the BLAKE3 hash of its bytes.
    BlobHash
);
define_id!(
    /// A task: the BLAKE3 hash of its specification, its requester and a nonce.
    TaskId
);
define_id!(
    /// A node: its ed25519 public key (RFC 8032).
    NodeId
);
define_id!(
    /// A metering profile: the hash of engine version, configuration, cost tables and host-function versions.
    /// Outputs and fuel may be compared only under one profile.
    ProfileId
);

impl BlobHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
    /// The hash of everything a reader brings, without holding it in memory.
    pub fn of_reader(reader: impl std::io::Read) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }
}

impl JobId {
    /// The id of the job whose component has these bytes.
    pub fn of(component: &[u8]) -> Self {
        Self(*blake3::hash(component).as_bytes())
    }
    /// The blob that holds the component: a job's id and its blob's hash are the same 32 bytes.
    pub fn blob(&self) -> BlobHash {
        BlobHash(self.0)
    }
}
