//! Signatures of a node (ed25519, RFC 8032), each under a domain so that one statement can never pass for another,
//! and the Merkle root that lets one signature cover a batch.

use crate::codec;
use crate::ids::{BlobHash, NodeId};
use ed25519_dalek::{Signer, SigningKey, Verifier, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// 64 bytes of ed25519.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(self.0.as_slice(), serializer)
    }
}
impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: serde_bytes::ByteBuf = serde_bytes::deserialize(deserializer)?;
        let array = <[u8; 64]>::try_from(bytes.as_slice())
            .map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"64 bytes"))?;
        Ok(Self(array))
    }
}

/// Why a signed statement is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key is no point on the curve.
    #[error("{0} is not a valid node key")]
    Key(NodeId),
    /// The signature does not fit.
    #[error("the signature of node {0} does not fit its statement")]
    Wrong(NodeId),
    /// The statement itself is malformed.
    #[error(transparent)]
    Decode(#[from] codec::DecodeError),
}

/// A node's secret key. Never printed, never serialised.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.id().short())
    }
}

fn digest(domain: &str, bytes: &[u8]) -> [u8; 32] {
    blake3::derive_key(&format!("p2pjob 2026-11 signature v1 {domain}"), bytes)
}

impl NodeKey {
    /// The key made from 32 secret bytes.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&secret))
    }
    /// The secret bytes, for the key file and the transport.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// The node's identity.
    pub fn id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }
    /// Signs bytes under a domain.
    pub fn sign(&self, domain: &str, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&digest(domain, bytes)).to_bytes())
    }
}

/// Checks a signature over bytes under a domain.
pub fn verify(node: &NodeId, domain: &str, bytes: &[u8], signature: &Signature) -> Result<(), SignatureError> {
    let key = VerifyingKey::from_bytes(&node.0).map_err(|_| SignatureError::Key(*node))?;
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify(&digest(domain, bytes), &signature)
        .map_err(|_| SignatureError::Wrong(*node))
}

/// A type that is signed as a whole.
pub trait Statement: Serialize + DeserializeOwned {
    /// Keeps statements of different types apart.
    const DOMAIN: &'static str;
    /// The largest encoding, in bytes.
    const MAX_BYTES: usize;
}

/// A statement with its author's signature. The bytes are kept as signed: nothing depends on encoding twice alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signed<T> {
    /// The author.
    pub node: NodeId,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    signature: Signature,
    #[serde(skip)]
    kind: PhantomData<fn() -> T>,
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    pub fn new(key: &NodeKey, statement: &T) -> Self {
        let bytes = codec::encode(statement);
        let signature = key.sign(T::DOMAIN, &bytes);
        Self {
            node: key.id(),
            bytes,
            signature,
            kind: PhantomData,
        }
    }
    /// What was signed, as it was encoded: for those who check it themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// The author's signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
    /// The statement, if the signature fits.
    pub fn open(&self) -> Result<T, SignatureError> {
        verify(&self.node, T::DOMAIN, &self.bytes, &self.signature)?;
        Ok(codec::decode(&self.bytes, T::MAX_BYTES)?)
    }
}

/// The Merkle root of leaves: BLAKE3 with leaf and node domains kept apart (RFC 6962 shape). Zero for no leaf.
pub fn merkle_root<I: IntoIterator<Item = Vec<u8>>>(leaves: I) -> BlobHash {
    let mut level: Vec<[u8; 32]> = leaves
        .into_iter()
        .map(|leaf| *blake3::Hasher::new().update(&[0]).update(&leaf).finalize().as_bytes())
        .collect();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => *blake3::Hasher::new()
                    .update(&[1])
                    .update(left)
                    .update(right)
                    .finalize()
                    .as_bytes(),
                [single] => *single,
                _ => [0; 32],
            })
            .collect();
    }
    BlobHash(level.first().copied().unwrap_or_default())
}
