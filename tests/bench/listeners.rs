//! A thousand listeners to a node's events while a task of ten thousand chunks runs.

use crate::Row;
use crate::process::status_mib;
use p2pjob_tests::{HttpClient, HttpRequest, UpNetwork};
use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// Listeners at the same time.
const LISTENERS: usize = 1000;
/// Chunks of the task they watch.
const CHUNKS: usize = 10_000;
/// What the last event of a task says.
const END: &[u8] = b"event: task_completed";
/// How long nothing may come before the measurement is given up, in milliseconds.
const SILENCE_MS: i32 = 30_000;
/// Bytes read from one listener at once.
const READ_BYTES: usize = 256 << 10;

struct Listener {
    stream: TcpStream,
    /// The end of what was read, so that a word cut in two is found.
    tail: Vec<u8>,
    /// When it heard of the end, in milliseconds since 1970.
    done: Option<u64>,
    bytes: u64,
}

/// Memory of the node, and how far the slowest listener was behind.
pub fn measure() -> Vec<Row> {
    let network = UpNetwork::start(&["--nodes", "3"]);
    let node = network.node(0);
    node.complete("bench_empty", &["--param", "chunks=100", "--no-memo"]);
    let http = node.http();
    let mut listeners: Vec<Listener> = (0..LISTENERS).map(|_| listen(&http)).collect();
    let count = format!("chunks={CHUNKS}");
    let task = node.submit("bench_empty", &["--param", &count, "--verify", "none", "--no-memo"]);
    let pid = node.pid().expect("the node runs");
    let most_memory = read_all(&mut listeners, || status_mib(pid, "VmHWM"));
    let ended = node.ask(&["status", &task]).number("ended_at") as u64;
    let behind = listeners
        .iter()
        .filter_map(|listener| listener.done)
        .max()
        .unwrap_or(u64::MAX);
    let behind = behind.saturating_sub(ended) as f64 / 1000.0;
    let megabytes = listeners.iter().map(|listener| listener.bytes).sum::<u64>() as f64 / 1e6;
    vec![
        Row::judged(
            "1000 SSE listeners, a task of 10 000 chunks: most memory of the node",
            format!("{most_memory:.0} MiB"),
            "< 300 MB",
            most_memory * 1.048_576 < 300.0,
        ),
        Row::judged(
            "the same: the last listener hears of the end",
            format!("{behind:.2} s later ({megabytes:.0} MB sent in all)"),
            "<= 1 s",
            behind <= 1.0,
        ),
    ]
}

fn listen(http: &HttpClient) -> Listener {
    let request = HttpRequest::get("/api/v1/events").header("accept", "text/event-stream");
    let mut connection = http.connect();
    connection.start(&request).expect("a request is sent");
    assert_eq!(connection.read_head().expect("an answer").status, 200);
    let stream = connection.into_socket();
    stream.set_nonblocking(true).expect("a socket");
    Listener {
        stream,
        tail: Vec::new(),
        done: None,
        bytes: 0,
    }
}

/// Reads until every listener has heard of the end; the most that `memory` said meanwhile.
fn read_all(listeners: &mut [Listener], memory: impl Fn() -> f64) -> f64 {
    let mut buffer = vec![0; READ_BYTES];
    while listeners.iter().any(|listener| listener.done.is_none()) {
        let mut waiting: Vec<libc::pollfd> = listeners
            .iter()
            .map(|listener| libc::pollfd {
                fd: listener.stream.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            })
            .collect();
        // SAFETY: the array lives through the call, and its length is its own.
        let ready = unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, SILENCE_MS) };
        assert!(ready > 0, "the node is silent");
        for (listener, state) in listeners.iter_mut().zip(&waiting) {
            if state.revents != 0 {
                read_some(listener, &mut buffer);
            }
        }
    }
    memory()
}

fn read_some(listener: &mut Listener, buffer: &mut [u8]) {
    let read = match listener.stream.read(buffer) {
        Ok(0) => panic!("the node closed the stream"),
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
        Err(error) => panic!("{error}"),
    };
    listener.bytes += read as u64;
    listener.tail.extend_from_slice(&buffer[..read]);
    if listener.done.is_none() && listener.tail.windows(END.len()).any(|window| window == END) {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970");
        listener.done = Some(since.as_millis() as u64);
    }
    let keep = listener.tail.len().min(END.len());
    listener.tail.drain(..listener.tail.len() - keep);
}
