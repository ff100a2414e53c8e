//! The daemon's side of the control socket: accepts, reads one request per connection, streams the replies.
//!
//! Owned by the node's main task set; ends with its cancellation token. A client that goes away ends its request only.

use super::protocol::{
    CONTROL_VERSION, ControlError, Envelope, ErrorCode, MAX_CONTROL_FRAME_BYTES, Progress, Reply, SOCKET_NAME,
};
use crate::context::Context;
use job_model::codec;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Replies that may wait for a slow client; more make the request wait.
const REPLY_QUEUE: usize = 64;
/// Connections at the same time; more wait in the socket's backlog.
const MAX_CONNECTIONS: usize = 64;
/// Longest socket path the system takes, in bytes (`sun_path` less its end).
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Where a request's replies go.
#[derive(Clone)]
pub struct Replies(mpsc::Sender<Reply>);

impl Replies {
    /// Replies that nobody reads.
    pub fn nobody() -> Self {
        Self(mpsc::channel(1).0)
    }
    /// Sends progress; false when the client is gone.
    pub async fn progress(&self, progress: Progress) -> bool {
        self.0.send(Reply::Progress(progress)).await.is_ok()
    }
    /// Sends progress if there is room: for sources that must not wait.
    pub fn offer(&self, progress: Progress) {
        // A client that reads slowly misses steps, not the end.
        let _ = self.0.try_send(Reply::Progress(progress));
    }
    /// Resolves when the client is gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// Binds the socket in the data directory: only its owner may connect.
pub fn bind(data_dir: &Path) -> io::Result<(UnixListener, PathBuf)> {
    let path = data_dir.join(SOCKET_NAME);
    if path.as_os_str().len() > MAX_SOCKET_PATH_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("the path is longer than {MAX_SOCKET_PATH_BYTES} bytes; choose a shorter data directory"),
        ));
    }
    // The directory's lock is ours, so a socket that lies here belongs to a process that is gone.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Serves until the token falls.
pub async fn serve(listener: UnixListener, context: Arc<Context>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, Arc::clone(&context))); }
                Err(error) => tracing::warn!(%error, "control socket: accept failed"),
            },
        }
    }
    // Requests that wait for a task would wait for ever: their clients learn it from the closed socket.
    connections.shutdown().await;
}

async fn connection(stream: UnixStream, context: Arc<Context>) {
    if let Err(error) = connection_impl(stream, context).await {
        tracing::debug!(%error, "control connection ended");
    }
}

async fn connection_impl(stream: UnixStream, context: Arc<Context>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.into_split();
    let envelope = match read_envelope(&mut reader).await? {
        Ok(envelope) => envelope,
        Err(error) => return write_reply(&mut writer, &Reply::Error(error)).await,
    };
    let (sender, mut replies) = mpsc::channel(REPLY_QUEUE);
    let handling = crate::control::requests::handle(envelope.request, context, Replies(sender));
    tokio::pin!(handling);
    let mut probe = [0u8; 1];
    let last = loop {
        tokio::select! {
            // A client that closes its end gives the request up.
            gone = reader.read(&mut probe) => match gone { Ok(0) | Err(_) => return Ok(()), Ok(_) => {} },
            Some(reply) = replies.recv() => write_reply(&mut writer, &reply).await?,
            result = &mut handling => break result,
        }
    };
    while let Ok(reply) = replies.try_recv() {
        write_reply(&mut writer, &reply).await?;
    }
    write_reply(&mut writer, &last.unwrap_or_else(Reply::Error)).await
}

async fn read_envelope(reader: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Result<Envelope, ControlError>> {
    let length = reader.read_u32().await? as usize;
    if length > MAX_CONTROL_FRAME_BYTES {
        return Ok(Err(bad_input(format!(
            "the request has {length} bytes, at most {MAX_CONTROL_FRAME_BYTES} are allowed"
        ))));
    }
    let mut bytes = vec![0u8; length];
    reader.read_exact(&mut bytes).await?;
    Ok(match codec::decode::<Envelope>(&bytes, MAX_CONTROL_FRAME_BYTES) {
        Ok(envelope) if envelope.version == CONTROL_VERSION => Ok(envelope),
        Ok(envelope) => Err(version_error(envelope.version)),
        Err(error) => Err(bad_input(error.to_string())),
    })
}

fn version_error(theirs: u16) -> ControlError {
    ControlError {
        code: ErrorCode::Version,
        message: format!("the node speaks control version {CONTROL_VERSION}, the command line {theirs}"),
        remedy: "use the command line of the node's version, or restart the node".to_owned(),
    }
}

fn bad_input(message: String) -> ControlError {
    ControlError {
        code: ErrorCode::BadInput,
        message,
        remedy: String::new(),
    }
}

async fn write_reply(writer: &mut (impl AsyncWriteExt + Unpin), reply: &Reply) -> io::Result<()> {
    let bytes = codec::encode(reply);
    let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("the reply is too large"))?;
    writer.write_u32(length).await?;
    writer.write_all(&bytes).await?;
    writer.flush().await
}
