//! Float class fast in a node's child process, on Mesa's software GPU: what `doctor` says of it, and what is left when the
//! child or the node is killed. Without that GPU a test says that it was skipped, and fails with `P2PJOB_REQUIRE_ALL=1`.

use p2pjob_tests::{Cluster, ClusterOptions, Node, PATIENCE, kill, wait_until};
use std::path::Path;

/// Rows of the matrices: large enough that a product goes to the device.
const ROWS: usize = 160;
/// Of the largest element, after a sum of 160 products.
const TOLERANCE: f32 = 1e-5;

fn node_on(gpu: &str) -> Cluster {
    let flags = ["--slots", "1", "--gpu", gpu].map(str::to_owned).to_vec();
    Cluster::start_with(&ClusterOptions { nodes: 1, flags })
}

/// Whether the software GPU is installed.
fn has_software_gpu() -> bool {
    let files = std::fs::read_dir("/usr/share/vulkan/icd.d")
        .into_iter()
        .flatten()
        .flatten();
    let found = files
        .into_iter()
        .any(|file| file.file_name().to_string_lossy().starts_with("lvp_"));
    if !found {
        assert!(
            std::env::var_os("P2PJOB_REQUIRE_ALL").is_none(),
            "mesa-vulkan-drivers is missing"
        );
        println!("skipped: no software GPU; the package mesa-vulkan-drivers has one");
    }
    found
}

/// What `doctor` says of what the node computes with.
fn doctor(node: &Node) -> Vec<String> {
    let run = node.run(&["doctor"]);
    // Warnings of other kinds do not matter here.
    let report = run.report(run.code);
    let compute = report
        .list("findings")
        .into_iter()
        .filter(|finding| finding.text("check") == "compute");
    compute
        .map(|finding| format!("{} {}", finding.text("level"), finding.text("finding")))
        .collect()
}

fn element(row: usize, column: usize) -> f32 {
    ((row * 7 + column * 13) % 17) as f32 / 8.0 - 1.0
}

/// A `.npy` file of `f32`.
fn matrix(folder: &Path, name: &str) -> String {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {ROWS}), }}");
    header.push_str(&" ".repeat((64 - (10 + header.len() + 1) % 64) % 64));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&u16::try_from(header.len()).expect("short").to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    let places = (0..ROWS * ROWS).map(|place| element(place / ROWS, place % ROWS));
    places.for_each(|value| file.extend_from_slice(&value.to_le_bytes()));
    let path = folder.join(format!("{name}.npy"));
    std::fs::write(&path, file).expect("writes");
    format!("{name}={}", path.display())
}

/// Multiplies in class fast, and looks at every element.
fn multiply(cluster: &Cluster) {
    let (node, folder) = (cluster.node(0), cluster.folder());
    let (a, b) = (matrix(folder, "a"), matrix(folder, "b"));
    let words = ["--param", "operation=multiply", "--input", &a, "--input", &b];
    let fast = ["--float-class", "fast", "--verify", "none", "--no-memo"];
    let report = node.complete("matrix_ops", &[&words[..], &fast].concat());
    assert_eq!(report.text("float_class"), "fast");
    let path = folder.join("result.npy");
    node.ask(&["fetch", report.text("result_hash"), "-o", &path.display().to_string()]);
    let file = std::fs::read(&path).expect("a result");
    std::fs::remove_file(path).expect("is gone");
    let header = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    let found = file[header..]
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| f32::from_le_bytes(*word));
    let mut count = 0;
    for (place, found) in found.enumerate() {
        let (row, column) = (place / ROWS, place % ROWS);
        let wanted: f32 = (0..ROWS).map(|k| element(row, k) * element(k, column)).sum();
        assert!(
            (found - wanted).abs() <= TOLERANCE * ROWS as f32,
            "{row}, {column}: {found} instead of {wanted}"
        );
        count += 1;
    }
    assert_eq!(count, ROWS * ROWS);
}

/// The compute processes of a node, by number.
fn children(parent: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("Linux").flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.nth(1) == Some(parent.to_string().as_str()) && is_compute_process(*pid)
    };
    numbers.filter(is_child).collect()
}

fn is_compute_process(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains("compute-process")
}

#[test]
fn a_software_gpu_computes_when_it_is_named_and_is_told_as_what_it_is() {
    if !has_software_gpu() {
        return;
    }
    let mut cluster = node_on("llvmpipe");
    multiply(&cluster);
    let said = doctor(cluster.node(0));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("ok") && said[0].contains("class fast on cpu llvmpipe"),
        "{said:?}"
    );
    assert!(
        said[0].contains("GFLOP/s (f32)") && said[0].contains("by wgpu"),
        "{said:?}"
    );
    let parent = cluster.node(0).pid().expect("it runs");
    let child = children(parent);
    assert!(!child.is_empty(), "the child is kept for the next call");
    kill(child[0]);
    multiply(&cluster);
    let left = children(parent);
    assert!(!left.is_empty() && !left.contains(&child[0]), "{left:?}");
    cluster.kill(0);
    wait_until("the child is gone with its node", PATIENCE, || {
        match left.iter().find(|pid| is_compute_process(**pid)) {
            None => Ok(()),
            Some(pid) => Err(format!("{pid} lives")),
        }
    });
}

#[test]
fn a_gpu_that_is_not_there_is_a_finding() {
    let cluster = node_on("No Such Maker 9000");
    let said = wait_until("doctor says it", PATIENCE, || {
        let said = doctor(cluster.node(0));
        let found = said.iter().find(|line| line.starts_with("fail")).cloned();
        found.ok_or_else(|| format!("{said:?}"))
    });
    assert!(said.contains("float class fast is not offered"), "{said}");
    assert!(said.contains("\"No Such Maker 9000\""), "{said}");
}
