//! Why a connection between two nodes ends, with the code and the text that the other side gets to see.

use iroh::endpoint::{ConnectionError, VarInt};
use job_model::NodeId;
use job_model::codec::DecodeError;
use job_model::message::PROTOCOL_VERSION;
use job_model::sign::SignatureError;
use std::time::Duration;

/// Longest reason taken from a peer, in bytes: it goes into logs and events.
const MAX_REASON_BYTES: usize = 512;

/// Close codes on the wire. Stable: an older node must understand why a newer one refuses it.
pub(crate) mod code {
    /// The node ends or the connection is not needed.
    pub const GOODBYE: u32 = 0;
    /// Both dialled; another connection of the pair is kept.
    pub const DUPLICATE: u32 = 1;
    /// Another protocol version.
    pub const VERSION: u32 = 2;
    /// The rules were broken.
    pub const MISBEHAVED: u32 = 3;
    /// No room for another peer.
    pub const FULL: u32 = 4;
    /// A newer connection of the same peer took over.
    pub const REPLACED: u32 = 5;
    /// Silence.
    pub const SILENT: u32 = 6;
    /// Not on the allow-list, on the deny-list, or held off.
    pub const NOT_ADMITTED: u32 = 403;
}

/// What a peer did that is against the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misbehaviour {
    /// A frame over the limit.
    #[error("it announced a frame of {bytes} bytes, at most {limit} are allowed")]
    Oversized { bytes: usize, limit: usize },
    /// A frame that is no message.
    #[error("it sent a frame that is no message: {0}")]
    Garbage(DecodeError),
    /// The first frame is no hello.
    #[error("its first frame is no hello: {0}")]
    NoHello(DecodeError),
    /// A second hello.
    #[error("it sent a second hello")]
    SecondHello,
    /// The hello's advert is not signed by the peer.
    #[error("the advert in its hello is signed by node {0}, not by itself")]
    ForeignAdvert(NodeId),
    /// A signature does not fit.
    #[error("its hello is not valid: {0}")]
    Signature(SignatureError),
    /// The stream ended inside a frame.
    #[error("its stream ended in the middle of a frame")]
    CutFrame,
}

/// Why a connection has ended or never came up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The peer speaks another version.
    #[error("it speaks protocol {theirs}, we speak {PROTOCOL_VERSION}; update {}", older_side(*theirs))]
    Version { theirs: u16 },
    /// The peer broke the rules.
    #[error(transparent)]
    Misbehaved(#[from] Misbehaviour),
    /// Another connection of this pair is up.
    #[error("another connection of this pair is up")]
    Duplicate,
    /// We have our most peers.
    #[error("{max} peers are connected, no more are allowed here")]
    Full { max: usize },
    /// The peer was restarted or dialled anew.
    #[error("the peer came back on a new connection")]
    Replaced,
    /// No hello in time.
    #[error("no hello within {0:?}")]
    HelloTimeout(Duration),
    /// The peer closed the connection.
    #[error("the peer closed the connection: {reason}")]
    ClosedByPeer { code: u64, reason: String },
    /// Silence.
    #[error("nothing was heard from the peer for the idle timeout")]
    Silent,
    /// The transport failed.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The peer said goodbye.
    #[error("the peer said goodbye: {0}")]
    Goodbye(String),
    /// We are shutting down.
    #[error("this node is shutting down")]
    Closing,
}

fn older_side(theirs: u16) -> &'static str {
    if theirs < PROTOCOL_VERSION {
        "the peer's node"
    } else {
        "this node"
    }
}

impl Fault {
    /// The code the peer gets.
    pub fn code(&self) -> VarInt {
        VarInt::from_u32(match self {
            Self::Version { .. } => code::VERSION,
            Self::Misbehaved(_) | Self::HelloTimeout(_) => code::MISBEHAVED,
            Self::Duplicate => code::DUPLICATE,
            Self::Full { .. } => code::FULL,
            Self::Replaced => code::REPLACED,
            Self::Silent => code::SILENT,
            Self::ClosedByPeer { .. } | Self::Broken(_) | Self::Goodbye(_) | Self::Closing => code::GOODBYE,
        })
    }

    /// The text the peer gets: said from its point of view.
    pub fn reason_for_peer(&self) -> String {
        match self {
            Self::Version { theirs } => {
                let older = if *theirs < PROTOCOL_VERSION {
                    "your node"
                } else {
                    "the node you connect to"
                };
                format!("you speak protocol {theirs}, we speak {PROTOCOL_VERSION}; update {older}")
            }
            other => other.to_string(),
        }
    }

    /// Whether people should hear of it: both sides are reachable and yet do not talk.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Version { .. } | Self::Full { .. } => true,
            Self::ClosedByPeer { code, .. } => [code::VERSION, code::MISBEHAVED, code::FULL, code::NOT_ADMITTED]
                .iter()
                .any(|c| u64::from(*c) == *code),
            _ => false,
        }
    }

    /// Whether the peer itself told us of the duplicate, so that no blame and no waiting is due.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Duplicate)
            || matches!(self, Self::ClosedByPeer { code, .. } if *code == u64::from(code::DUPLICATE))
    }
}

impl From<ConnectionError> for Fault {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => {
                let cut = close.reason.get(..MAX_REASON_BYTES).unwrap_or(&close.reason);
                Self::ClosedByPeer {
                    code: close.error_code.into_inner(),
                    reason: String::from_utf8_lossy(cut).into_owned(),
                }
            }
            ConnectionError::TimedOut => Self::Silent,
            other => Self::Broken(other.to_string()),
        }
    }
}
