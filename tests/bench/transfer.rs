//! A large file through a node's HTTP, up and down, against nginx with the same file in the same run.

use crate::Row;
use crate::process::median;
use p2pjob_tests::{Cluster, HttpClient, HttpRequest};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Size of the file.
const BYTES: usize = 512 << 20;
/// Bytes handed to the socket at once.
const PIECE: usize = 1 << 20;
/// Runs per figure; the middle one counts.
const RUNS: usize = 3;
/// How long nginx may take to listen.
const NGINX_WAIT: Duration = Duration::from_secs(5);

/// Seconds of one transfer each.
struct Seconds {
    up: f64,
    down: f64,
}

/// Upload and download.
pub fn measure() -> Vec<Row> {
    let cluster = Cluster::start(1);
    let data = noise();
    let node = cluster.node(0).http();
    let Some(nginx) = Nginx::start(&cluster.folder().join("nginx")) else {
        return vec![Row::plain(
            "upload and download against nginx",
            "nginx is not installed",
        )];
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        // Other bytes every time: what is here already would not be written again.
        let mut data = data.clone();
        data[..8].copy_from_slice(&(run as u64 + 1).to_le_bytes());
        theirs.push(through_nginx(&nginx, &data, run));
        ours.push(through_node(&node, &data));
    }
    let ratio =
        |pick: fn(&Seconds) -> f64| median(theirs.iter().map(pick).collect()) / median(ours.iter().map(pick).collect());
    let speed = |pick: fn(&Seconds) -> f64| BYTES as f64 / 1e6 / median(ours.iter().map(pick).collect());
    let row = |what: &str, pick: fn(&Seconds) -> f64| {
        let ratio = ratio(pick);
        let figure = format!("{ratio:.2}x ({:.0} MB/s)", speed(pick));
        Row::judged(
            format!("{what} of 512 MiB through HTTP, against nginx"),
            figure,
            ">= 0.7x",
            ratio >= 0.7,
        )
    };
    vec![row("upload", |run| run.up), row("download", |run| run.down)]
}

/// Bytes that compress to nothing and are made quickly (xorshift64, Marsaglia 2003).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut data = Vec::with_capacity(BYTES);
    while data.len() < BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend_from_slice(&state.to_le_bytes());
    }
    data
}

fn through_node(http: &HttpClient, data: &[u8]) -> Seconds {
    let started = Instant::now();
    let answer = put(http, "POST", "/api/v1/blobs", data);
    let up = started.elapsed().as_secs_f64();
    let hash = answer
        .split('"')
        .find(|word| word.len() == 64)
        .expect("a hash in the answer")
        .to_owned();
    let started = Instant::now();
    get(http, &format!("/api/v1/blobs/{hash}"), data.len());
    Seconds {
        up,
        down: started.elapsed().as_secs_f64(),
    }
}

fn through_nginx(nginx: &Nginx, data: &[u8], run: usize) -> Seconds {
    let http = HttpClient::new(&nginx.url);
    let path = format!("/file-{run}");
    let started = Instant::now();
    put(&http, "PUT", &path, data);
    let up = started.elapsed().as_secs_f64();
    let started = Instant::now();
    get(&http, &path, data.len());
    Seconds {
        up,
        down: started.elapsed().as_secs_f64(),
    }
}

/// Sends a body and gives the whole answer.
fn put(http: &HttpClient, method: &str, path: &str, data: &[u8]) -> String {
    let request = HttpRequest::new(method, path)
        .header("content-length", &data.len().to_string())
        .header("content-type", "application/octet-stream")
        .header("connection", "close");
    let mut connection = http.connect();
    connection.start(&request).expect("a request is sent");
    let mut socket = connection.into_socket();
    for piece in data.chunks(PIECE) {
        socket.write_all(piece).expect("the body is taken");
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    answer
}

/// Reads a whole answer and drops it.
fn get(http: &HttpClient, path: &str, size: usize) {
    let mut connection = http.connect();
    connection
        .start(&HttpRequest::get(path).header("connection", "close"))
        .expect("a request is sent");
    let mut socket = connection.into_socket();
    let mut buffer = vec![0; PIECE];
    let mut read = 0;
    loop {
        match socket.read(&mut buffer).expect("an answer") {
            0 => break,
            some => read += some,
        }
    }
    assert!(read > size, "{read} bytes came, the file has {size}");
}

/// A server of files that was started for the measurement.
struct Nginx {
    process: Child,
    url: String,
}

impl Nginx {
    fn start(folder: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        std::fs::create_dir_all(folder.join("files")).expect("a folder");
        let shown = folder.display();
        let text = format!(
            "daemon off; master_process off; pid {shown}/pid; error_log {shown}/error.log;
             events {{ worker_connections 64; }}
             http {{ access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {shown}/body;
               server {{ listen 127.0.0.1:{port}; root {shown}/files;
                 location / {{ dav_methods PUT; create_full_put_path on; }} }} }}"
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, text).expect("a file");
        let mut nginx = Command::new("nginx");
        nginx.arg("-c").arg(&path).arg("-p").arg(folder).stderr(Stdio::null());
        let process = nginx.spawn().ok()?;
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > NGINX_WAIT {
                return None;
            }
            std::thread::yield_now();
        }
        Some(Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
