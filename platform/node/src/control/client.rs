//! The client's side of the control socket: blocking, one request per connection.
//! Dropping the client ends the request, never the task it asked about.

use super::protocol::{
    CONTROL_VERSION, ControlError, Envelope, MAX_CONTROL_FRAME_BYTES, Progress, Reply, Request, SOCKET_NAME,
};
use job_model::codec;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Why no node answers.
#[derive(Debug, thiserror::Error)]
#[error("no node answers at {socket}: {source}; start one with `p2pjob up` or `p2pjob node`")]
pub struct ConnectError {
    /// The socket that was tried.
    pub socket: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Why a request brought no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The node said why.
    #[error(transparent)]
    Control(ControlError),
    /// The connection broke.
    #[error("the connection to the node broke: {0}; see its log, and whether it still runs with `p2pjob status`")]
    Broken(#[from] io::Error),
    /// The node speaks another language.
    #[error("the node's answer cannot be read: {0}; node and command line are of different versions")]
    Malformed(#[from] codec::DecodeError),
}

/// A connection to the node of a data directory.
#[derive(Debug)]
pub struct ControlClient {
    stream: UnixStream,
}

impl ControlClient {
    /// Connects to the node that owns `data_dir`.
    pub fn connect(data_dir: &Path) -> Result<Self, ConnectError> {
        let socket = data_dir.join(SOCKET_NAME);
        let stream = UnixStream::connect(&socket).map_err(|source| ConnectError { socket, source })?;
        Ok(Self { stream })
    }

    /// A second handle, for closing the connection from another thread (Ctrl-C).
    pub fn try_clone_stream(&self) -> io::Result<UnixStream> {
        self.stream.try_clone()
    }

    /// Asks, hands progress to `on_progress`, and returns the final reply.
    pub fn request(&mut self, request: Request, on_progress: &mut dyn FnMut(Progress)) -> Result<Reply, ClientError> {
        let bytes = codec::encode(&Envelope {
            version: CONTROL_VERSION,
            request,
        });
        let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("the request is too large"))?;
        self.stream.write_all(&length.to_be_bytes())?;
        self.stream.write_all(&bytes)?;
        loop {
            match self.read_reply()? {
                Reply::Progress(progress) => on_progress(progress),
                Reply::Error(error) => return Err(ClientError::Control(error)),
                reply => return Ok(reply),
            }
        }
    }

    fn read_reply(&mut self) -> Result<Reply, ClientError> {
        let mut length = [0u8; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_CONTROL_FRAME_BYTES {
            return Err(codec::DecodeError::TooLarge {
                bytes: length,
                limit: MAX_CONTROL_FRAME_BYTES,
            }
            .into());
        }
        let mut bytes = vec![0u8; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(codec::decode(&bytes, MAX_CONTROL_FRAME_BYTES)?)
    }
}
