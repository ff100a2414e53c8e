//! The client's connection, plain or TLS, and the framing of bodies.

use super::{Head, HttpClient, broken};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

/// A connection to a server. Closed when dropped.
pub struct Connection {
    client: HttpClient,
    reader: BufReader<Wire>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.reader.get_mut() {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.reader.get_mut() {
            Wire::Plain(socket) => socket.flush(),
            Wire::Tls(stream) => stream.flush(),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

impl Connection {
    pub(super) fn open(client: HttpClient) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&client.address, client.timeout)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(client.timeout))?;
        socket.set_write_timeout(Some(client.timeout))?;
        let wire = if client.tls {
            Wire::Tls(Box::new(handshake(&client, socket)?))
        } else {
            Wire::Plain(socket)
        };
        let reader = BufReader::new(wire);
        Ok(Self { client, reader })
    }

    pub(super) fn client(&self) -> &HttpClient {
        &self.client
    }

    pub(super) fn reader(&mut self) -> &mut impl BufRead {
        &mut self.reader
    }

    /// The server's certificate in DER, with TLS.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        match self.reader.get_ref() {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => Some(stream.conn.peer_certificates()?.first()?.to_vec()),
        }
    }

    /// What was agreed upon by ALPN, with TLS.
    pub fn protocol(&self) -> Option<String> {
        match self.reader.get_ref() {
            Wire::Plain(_) => None,
            Wire::Tls(stream) => Some(String::from_utf8_lossy(stream.conn.alpn_protocol()?).into_owned()),
        }
    }

    /// The socket itself, for measurements over plain HTTP. What was read ahead of it is lost.
    #[track_caller]
    pub fn into_socket(self) -> TcpStream {
        match self.reader.into_inner() {
            Wire::Plain(socket) => socket,
            Wire::Tls(_) => panic!("a TLS connection has no socket to hand out"),
        }
    }

    /// Says that nothing more will be sent, and leaves the other direction open.
    pub fn close_write(&self) -> io::Result<()> {
        self.reader.get_ref().socket().shutdown(Shutdown::Write)
    }

    /// Everything until the server closes. A reset is an end like any other; the bound on reads is an error.
    pub fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match self.reader.read(&mut piece) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&piece[..count]),
                Err(error) if is_end(&error) => return Ok(bytes),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error says that the other side ended the connection.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&error.kind())
}

/// How the end of a body is known.
pub(super) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunks; so many bytes of the present one are left. None before the first one.
    Chunked(Option<u64>),
    /// When the connection ends.
    UntilClose,
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::Length(0)
    }

    pub(super) fn of(head: &Head) -> io::Result<Self> {
        if head
            .header("transfer-encoding")
            .is_some_and(|value| value.contains("chunked"))
        {
            return Ok(Self::Chunked(None));
        }
        match head.header("content-length") {
            None => Ok(Self::UntilClose),
            Some(text) => text
                .parse()
                .map(Self::Length)
                .map_err(|_| broken(format!("content-length {text:?}"))),
        }
    }

    /// Reads a piece; 0 at the end. A body that ends too early is an error.
    pub(super) fn read(&mut self, connection: &mut Connection, into: &mut [u8]) -> io::Result<usize> {
        if let Self::Chunked(None | Some(0)) = self {
            *self = next_chunk(connection, matches!(self, Self::Chunked(None)))?;
        }
        let left = match self {
            Self::UntilClose => return connection.reader.read(into),
            Self::Length(left) | Self::Chunked(Some(left)) => left,
            Self::Chunked(None) => return Ok(0),
        };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let count = connection.reader.read(&mut into[..most])?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body ends too early"));
        }
        *left -= count as u64;
        Ok(count)
    }
}

/// The size line of the next chunk; the last one turns the body into an empty one.
fn next_chunk(connection: &mut Connection, first: bool) -> io::Result<Body> {
    if !first {
        connection.read_text_line()?;
    }
    let line = connection.read_text_line()?;
    let digits = line.split(';').next().unwrap_or("").trim();
    match u64::from_str_radix(digits, 16) {
        Err(_) => Err(broken(format!("{line:?} is no size of a chunk"))),
        Ok(0) => {
            while !connection.read_text_line()?.is_empty() {}
            Ok(Body::empty())
        }
        Ok(size) => Ok(Body::Chunked(Some(size))),
    }
}

fn handshake(client: &HttpClient, mut socket: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let any = Arc::new(AnyCertificate(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(any)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::IpAddress(client.address.ip().into());
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}

/// Takes any certificate, but checks that the server has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
