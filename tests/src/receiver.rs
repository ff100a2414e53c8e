//! A receiver of webhooks: a real HTTP server on loopback that answers as the test says and keeps what it was sent.
//! Its threads end with the test's process.

use crate::report::Report;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Inbox, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Messages that wait for the test.
const INBOX: usize = 1_000;
/// How long a sender may take to send the rest of a message.
const READ_BOUND: Duration = Duration::from_secs(30);

/// One call as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What it was answered; none: the receiver keeps the sender waiting.
    pub answered: Option<u16>,
}

impl Received {
    /// The header of this name (lower case).
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(
            || panic!("there is no {name} in {:?}", self.headers),
            |(_, value)| value,
        )
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Report {
        Report(serde_json::from_slice(&self.body).expect("a JSON body"))
    }
}

/// What the next calls are answered; the last one stays.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<Vec<Option<u16>>>>);

impl Answers {
    fn next(&self) -> Option<u16> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers.first().copied().flatten()
        }
    }
}

/// The server.
pub struct Receiver {
    address: SocketAddr,
    answers: Answers,
    inbox: Inbox<Received>,
}

impl Receiver {
    /// Serves on a free port. Each call gets the next status; the last one stays. `None` keeps the sender waiting.
    pub fn start(answers: &[Option<u16>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (sender, inbox) = sync_channel(INBOX);
        let receiver = Self {
            address,
            answers: Answers::default(),
            inbox,
        };
        receiver.answer(answers);
        let answers = receiver.answers.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, sender) = (answers.clone(), sender.clone());
                std::thread::spawn(move || serve(&stream, &answers, &sender));
            }
        });
        receiver
    }

    /// What the next calls are answered.
    pub fn answer(&self, answers: &[Option<u16>]) {
        *self.answers.0.lock().unwrap_or_else(PoisonError::into_inner) = answers.to_vec();
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next call; fails the test when none comes in time.
    #[track_caller]
    pub fn next(&self) -> Received {
        self.inbox.recv_timeout(crate::PATIENCE).expect("a webhook in time")
    }

    /// A call that came already, if any.
    pub fn early(&self) -> Option<Received> {
        self.inbox.try_recv().ok()
    }
}

fn serve(stream: &TcpStream, answers: &Answers, inbox: &SyncSender<Received>) {
    let Ok((headers, body)) = read(stream) else { return };
    let answered = answers.next();
    let received = Received {
        headers,
        body,
        answered,
    };
    if let Some(status) = answered {
        let text = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        // A sender that is gone has had its time-out.
        let _ = (&mut &*stream).write_all(text.as_bytes());
    }
    let waits = answered.is_none();
    if inbox.send(received).is_ok() && waits {
        // Open until the sender gives up.
        let _ = (&mut &*stream).read(&mut [0; 1]);
    }
}

type Head = Vec<(String, String)>;

fn read(stream: &TcpStream) -> std::io::Result<(Head, Vec<u8>)> {
    stream.set_read_timeout(Some(READ_BOUND))?;
    let mut reader = BufReader::new(stream);
    let mut headers = Head::new();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((headers, body))
}
