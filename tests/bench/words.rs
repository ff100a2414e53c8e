//! A gigabyte of text through five nodes, against the same Rust code in one native process.

use crate::Row;
use crate::process::{cpu_of, status_mib};
use p2pjob_tests::UpNetwork;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Size of the text, in bytes; `P2PJOB_BENCH_TEXT_MIB` asks for another.
const TEXT_MIB: u64 = 1024;
/// Different words of the text.
const VOCABULARY: u64 = 50_000;

/// A text of words of two to eleven letters, twelve a line, the same for every run.
fn write_text(path: &Path, bytes: u64) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a file for the text"));
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut written = 0;
    let mut line = String::new();
    while written < bytes {
        line.clear();
        for at in 0..12 {
            if at > 0 {
                line.push(' ');
            }
            // Squared, so that some words are frequent and many are rare, as in a language.
            let drawn = next() % VOCABULARY;
            let mut word = drawn * drawn / VOCABULARY + 1;
            for _ in 0..2 + word % 10 {
                line.push(char::from(b'a' + u8::try_from(word % 26).expect("a letter")));
                word = word.wrapping_mul(31).wrapping_add(7);
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes()).expect("room for the text");
        written += line.len() as u64;
    }
    out.flush().expect("room for the text");
}

/// Builds the job for this machine and runs it on the text; its CPU time and result.
fn native(text: &Path) -> (Duration, Vec<u8>) {
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs");
    let target = std::env::var_os("P2PJOB_GUEST_TARGET_DIR")
        .map_or_else(|| std::env::temp_dir().join("p2pjob-native"), PathBuf::from);
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "word_count",
        "--example",
        "native",
    ]);
    let built = build
        .current_dir(jobs)
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .expect("cargo");
    assert!(built.success(), "the native word count does not build");
    let before = children_cpu();
    let output = Command::new(target.join("release/examples/native"))
        .arg(text)
        .stderr(Stdio::inherit())
        .output()
        .expect("native");
    assert!(output.status.success());
    (children_cpu() - before, output.stdout)
}

/// User and system time of all children that have ended.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("our own process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = [13, 14]
        .iter()
        .map(|at| fields[*at].parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// Memory and CPU of a large word count.
pub fn measure() -> Vec<Row> {
    let asked = std::env::var("P2PJOB_BENCH_TEXT_MIB")
        .ok()
        .and_then(|text| text.parse().ok());
    let mib = asked.unwrap_or(TEXT_MIB);
    let network = UpNetwork::start(&["--nodes", "5"]);
    let text = network.folder().join("text.txt");
    write_text(&text, mib << 20);
    let input = format!("text={}", text.display());
    let before = cpu_of(network.nodes());
    let report = network
        .node(0)
        .complete("word_count", &["--input", &input, "--verify", "none", "--no-memo"]);
    let cpu = cpu_of(network.nodes()).saturating_sub(before).as_secs_f64();
    let peaks = network
        .nodes()
        .iter()
        .filter_map(p2pjob_tests::Node::pid)
        .map(|pid| status_mib(pid, "VmHWM"));
    let peak = peaks.fold(0.0, f64::max);
    let result = network.folder().join("result.json");
    network
        .node(1)
        .ask(&["fetch", report.text("result_hash"), "-o", &result.display().to_string()]);
    let (native_cpu, native_result) = native(&text);
    let ours: serde_json::Value = serde_json::from_slice(&std::fs::read(&result).expect("the result")).expect("JSON");
    let theirs: serde_json::Value = serde_json::from_slice(&native_result).expect("JSON");
    assert_eq!(ours, theirs, "the network and the native program count differently");
    let native_cpu = native_cpu.as_secs_f64();
    let ratio = cpu / native_cpu;
    let wall = (report.number("ended_at") - report.number("submitted_at")) as f64 / 1000.0;
    vec![
        Row::judged(
            format!("word_count over {mib} MiB, 5 nodes: largest peak resident"),
            format!("{peak:.0} MiB"),
            "< 250 MB",
            peak < 250.0,
        ),
        Row::judged(
            format!("word_count over {mib} MiB, one replica: CPU of all processes, import and transfer included"),
            format!("{cpu:.1} s = {ratio:.2}x of {native_cpu:.1} s native ({wall:.1} s wall)"),
            "<= 2.5x",
            ratio <= 2.5,
        ),
    ]
}
