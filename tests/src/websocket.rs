//! A WebSocket client for tests (RFC 6455), over the client's connection: text messages, pings answered, every read bounded.

use crate::http::{Connection, HttpClient, HttpRequest};
use crate::report::Report;
use serde_json::Value;
use std::io::{self, Read, Write};

/// Any 16 bytes: what matters is that the server answers to them.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to [`KEY`] (RFC 6455, section 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Masks every byte of the client's frames.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Largest message that a test expects, in bytes.
const MAX_MESSAGE_BYTES: u64 = 16 << 20;

/// What came.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    /// Text.
    Text(String),
    /// The end: code and reason.
    Close(u16, String),
}

/// An open connection.
pub struct WebSocket {
    connection: Connection,
}

impl WebSocket {
    /// Opens one at a target with a protocol; the server's refusal is an error with its status.
    pub fn open(http: &HttpClient, target: &str, protocol: &str) -> io::Result<Self> {
        let mut connection = http.try_connect()?;
        let request = HttpRequest::get(target)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", KEY)
            .header("sec-websocket-protocol", protocol);
        connection.start(&request)?;
        let head = connection.read_head()?;
        if head.status != 101 {
            return Err(io::Error::other(format!("refused: {head:?}")));
        }
        assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(head.header("sec-websocket-protocol"), Some(protocol));
        Ok(Self { connection })
    }

    /// Sends a text.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.frame(1, text.as_bytes())
    }

    /// Sends JSON.
    #[track_caller]
    pub fn say(&mut self, value: &Value) {
        self.send(&value.to_string()).expect("the connection is open");
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut bytes = vec![0x80 | opcode];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | length as u8),
            length @ 126..=0xffff => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(0x80 | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.connection.write_all(&bytes)?;
        self.connection.flush()
    }

    /// The next message.
    pub fn receive(&mut self) -> io::Result<Message> {
        let mut text = Vec::new();
        loop {
            let (opcode, last, payload) = self.read_frame()?;
            match opcode {
                0 | 1 => {
                    text.extend(payload);
                    if last {
                        return Ok(Message::Text(String::from_utf8_lossy(&text).into_owned()));
                    }
                }
                8 => {
                    let (code, reason) = payload.split_at_checked(2).unwrap_or((&[0, 0], &[]));
                    let code = code.iter().fold(0, |code, byte| code << 8 | u16::from(*byte));
                    return Ok(Message::Close(code, String::from_utf8_lossy(reason).into_owned()));
                }
                9 => self.frame(10, &payload)?,
                _ => {}
            }
        }
    }

    fn read_frame(&mut self) -> io::Result<(u8, bool, Vec<u8>)> {
        let mut head = [0; 2];
        self.connection.read_exact(&mut head)?;
        let length = match head[1] & 0x7f {
            126 => {
                let mut bytes = [0; 2];
                self.connection.read_exact(&mut bytes)?;
                u64::from(u16::from_be_bytes(bytes))
            }
            127 => {
                let mut bytes = [0; 8];
                self.connection.read_exact(&mut bytes)?;
                u64::from_be_bytes(bytes)
            }
            length => u64::from(length),
        };
        assert!(length <= MAX_MESSAGE_BYTES, "a frame of {length} bytes");
        let mut payload = vec![0; usize::try_from(length).expect("it is small")];
        self.connection.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, head[0] & 0x80 != 0, payload))
    }

    /// The next message, which must be JSON.
    #[track_caller]
    pub fn hear(&mut self) -> Report {
        match self.receive().expect("a message") {
            Message::Text(text) => Report(serde_json::from_str(&text).expect("JSON")),
            Message::Close(code, reason) => panic!("closed with {code}: {reason}"),
        }
    }
}
