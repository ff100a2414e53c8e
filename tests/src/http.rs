//! A small blocking HTTP/1.1 client over plain sockets, so that tests say exactly which bytes go over the wire.
//!
//! ```no_run
//! # let cluster = p2pjob_tests::Cluster::start(1);
//! let http = cluster.node(0).http();                      // or HttpClient::new("http://127.0.0.1:4780")
//! let tasks = http.get("/api/v1/tasks").expect_status(200).json();
//! let made = http.with_token("p2pjob_...").post("/api/v1/quote", &serde_json::json!({"job": "map"}));
//! let mut events = http.stream(&HttpRequest::get("/api/v1/events").header("accept", "text/event-stream"));
//! let first = events.event();                             // Server-Sent Events, comments skipped
//! let mut kept = http.connect();                          // several requests on one connection
//! kept.send(&HttpRequest::get("/health")).expect("an answer");
//! # use p2pjob_tests::HttpRequest;
//! ```
//!
//! Every read and write is bounded by [`HttpClient::with_timeout`] (30 s unless told): a hang fails its test. With `https`
//! any certificate is taken and kept for a look ([`Connection::certificate`]). Nothing is retried, redirected, cached,
//! or decompressed, and cookies are sent only as the test says ([`HttpClient::with_header`]).

mod wire;

use crate::report::Report;
use serde_json::Value;
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;
use wire::Body;

pub use wire::Connection;

/// Most one read or write of a test may wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What to ask, byte for byte.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl HttpRequest {
    /// Any method; `target` is the path with its query, sent as it is.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// `GET`.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// `POST` with a JSON body.
    pub fn post(target: &str, body: &Value) -> Self {
        Self::new("POST", target).json(body)
    }

    /// Adds a header. One of the client with the same name is then not sent; `host` replaces the usual one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// A body; its `content-length` is sent unless a header `content-length` or `transfer-encoding` is given.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// A JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    /// The head as it goes over the wire.
    fn head(&self, client: &HttpClient) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head.push_str(&format!("host: {}\r\n", client.host));
        }
        let own = client.headers.iter().filter(|(name, _)| !self.has(name));
        for (name, value) in own.chain(&self.headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length_said = self.has("content-length") || self.has("transfer-encoding");
        if let Some(body) = self.body.as_ref().filter(|_| !length_said) {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// Where to ask, and the headers of every request. Cheap to clone; holds no connection.
#[derive(Clone, Debug)]
pub struct HttpClient {
    address: SocketAddr,
    host: String,
    tls: bool,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

impl HttpClient {
    /// For a URL such as `http://127.0.0.1:4780`, as a node prints it.
    #[track_caller]
    pub fn new(url: &str) -> Self {
        let (scheme, host) = url.split_once("://").unwrap_or_else(|| panic!("{url:?} is no URL"));
        let host = host.trim_end_matches('/').to_owned();
        let address = host
            .parse()
            .unwrap_or_else(|_| panic!("{url:?} names no IP address and port"));
        Self {
            address,
            host,
            tls: scheme == "https",
            headers: Vec::new(),
            timeout: TIMEOUT,
        }
    }

    /// Where it connects.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, speaking TLS or not, whatever the URL said.
    #[must_use]
    pub fn with_tls(&self, tls: bool) -> Self {
        Self { tls, ..self.clone() }
    }

    /// The same with a header in every request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        client
    }

    /// The same with `Authorization: Bearer TOKEN` in every request.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The same with another bound on each read and write.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// A connection for several requests, or for raw bytes.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        self.try_connect()
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.address))
    }

    /// The same, where not being let in is what is tested. With TLS, the handshake is done when this returns.
    pub fn try_connect(&self) -> io::Result<Connection> {
        Connection::open(self.clone())
    }

    /// Asks on a connection of its own and reads the whole answer.
    #[track_caller]
    pub fn send(&self, request: &HttpRequest) -> HttpResponse {
        let answer = self.try_send(request);
        answer.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }

    /// The same, where a cut connection is an answer too.
    pub fn try_send(&self, request: &HttpRequest) -> io::Result<HttpResponse> {
        self.try_connect()?.send(request)
    }

    /// `GET`.
    #[track_caller]
    pub fn get(&self, target: &str) -> HttpResponse {
        self.send(&HttpRequest::get(target))
    }

    /// `POST` with a JSON body.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> HttpResponse {
        self.send(&HttpRequest::post(target, body))
    }

    /// `DELETE`.
    #[track_caller]
    pub fn delete(&self, target: &str) -> HttpResponse {
        self.send(&HttpRequest::new("DELETE", target))
    }

    /// Asks, and hands out the body as it comes.
    #[track_caller]
    pub fn stream(&self, request: &HttpRequest) -> HttpStream {
        let stream = self.try_connect().and_then(|connection| connection.stream(request));
        stream.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }
}

/// The first lines of an answer.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// Its first lines.
    pub head: Head,
    /// Its body, unchunked.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Itself, if the status is this one.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.head.status, status, "{self}");
        self
    }

    /// The problem document of an answer that must have this status and code; its `detail` and `remedy` are returned.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.head.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem = self.json();
        assert_eq!(problem.text("code"), code, "{self}");
        assert_eq!(problem.number("status"), i64::from(status), "{self}");
        format!("{} {}", problem.text("detail"), problem.text("remedy"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Report {
        let parsed = serde_json::from_slice(&self.body);
        Report(parsed.unwrap_or_else(|error| panic!("the body is no JSON ({error}): {self}")))
    }
}

impl fmt::Display for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.head.status, self.head.headers, self.text())
    }
}

/// An answer whose body is read as it comes. Dropping it closes the connection.
pub struct HttpStream {
    /// Its first lines.
    pub head: Head,
    connection: Connection,
    body: Body,
    ahead: Vec<u8>,
}

/// One Server-Sent Event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SseEvent {
    /// `id:`.
    pub id: Option<String>,
    /// `event:`.
    pub kind: Option<String>,
    /// `data:`, lines joined by line feeds.
    pub data: String,
}

impl HttpStream {
    /// One line without its end; none at the end of the body. Comments of event streams are lines too.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
            let mut piece = [0; 4096];
            match self.read_wire(&mut piece)? {
                0 => return Ok(None),
                count => self.ahead.extend_from_slice(&piece[..count]),
            }
        }
    }

    /// The next event of an event stream, without comments; none at its end.
    pub fn try_event(&mut self) -> io::Result<Option<SseEvent>> {
        let mut event = SseEvent::default();
        let mut data: Vec<String> = Vec::new();
        while let Some(line) = self.line()? {
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "id" => event.id = Some(value),
                "event" => event.kind = Some(value),
                "data" => data.push(value),
                "" if line.is_empty() && (event.kind.is_some() || !data.is_empty()) => {
                    event.data = data.join("\n");
                    return Ok(Some(event));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The next event; the end of the stream fails the test.
    #[track_caller]
    pub fn event(&mut self) -> SseEvent {
        let event = self.try_event();
        event
            .unwrap_or_else(|error| panic!("the event stream broke: {error}"))
            .unwrap_or_else(|| panic!("the event stream ended"))
    }

    fn read_wire(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.body.read(&mut self.connection, into)
    }
}

impl Read for HttpStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            return self.read_wire(into);
        }
        let count = self.ahead.len().min(into.len());
        into[..count].copy_from_slice(&self.ahead[..count]);
        self.ahead.drain(..count);
        Ok(count)
    }
}

/// A broken answer.
fn broken(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Connection {
    /// Asks and reads the whole answer; the connection can be used again unless the server closes it.
    pub fn send(&mut self, request: &HttpRequest) -> io::Result<HttpResponse> {
        // A server that refuses a body answers before it has read all of it, and closes.
        let cut = match self.start(request) {
            Ok(()) => None,
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Some(error)
            }
            Err(error) => return Err(error),
        };
        let (head, mut body) = match (self.answer(request.method == "HEAD"), cut) {
            (Err(_), Some(cut)) => return Err(cut),
            (answer, _) => answer?,
        };
        let mut bytes = Vec::new();
        let mut piece = [0; 64 << 10];
        loop {
            match body.read(self, &mut piece)? {
                0 => return Ok(HttpResponse { head, body: bytes }),
                count => bytes.extend_from_slice(&piece[..count]),
            }
        }
    }

    /// Asks, and hands out the body as it comes.
    pub fn stream(mut self, request: &HttpRequest) -> io::Result<HttpStream> {
        self.start(request)?;
        let (head, body) = self.answer(request.method == "HEAD")?;
        Ok(HttpStream {
            head,
            connection: self,
            body,
            ahead: Vec::new(),
        })
    }

    /// Sends a request and reads nothing.
    pub fn start(&mut self, request: &HttpRequest) -> io::Result<()> {
        let mut bytes = request.head(self.client());
        bytes.extend(request.body.iter().flatten());
        self.write_all(&bytes)?;
        self.flush()
    }

    /// Reads the first lines of an answer and prepares for its body. Interim answers (1xx) are skipped, save 101.
    fn answer(&mut self, no_body: bool) -> io::Result<(Head, Body)> {
        loop {
            let head = self.read_head()?;
            if head.status == 101 || head.status >= 200 {
                let empty = no_body || matches!(head.status, 101 | 204 | 304);
                let body = if empty { Body::empty() } else { Body::of(&head)? };
                return Ok((head, body));
            }
        }
    }

    /// Reads the first lines of an answer, for tests that write raw bytes.
    pub fn read_head(&mut self) -> io::Result<Head> {
        let first = self.read_text_line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut head = Head {
            status: status.ok_or_else(|| broken(format!("{first:?} is no status line")))?,
            headers: Vec::new(),
        };
        loop {
            let line = self.read_text_line()?;
            if line.is_empty() {
                return Ok(head);
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| broken(format!("{line:?} is no header")))?;
            head.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn read_text_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.reader().read_line(&mut line)? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection was closed",
            )),
            _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        }
    }
}
