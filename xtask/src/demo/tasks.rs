//! The demo's tasks: what is submitted, what must come back, and what is shown of it.

use super::data::DataSet;
use super::network::Network;
use crate::folders::Folders;
use crate::json::Json;
use crate::process::Failure;
use std::path::Path;

/// The name of the job that the demo writes as a user would.
const OWN_JOB: &str = "my_word_count";
/// A node that did not submit: results are fetched there.
const OTHER_NODE: usize = 2;

/// What both ranges begin with.
const RANGE: [&str; 3] = ["range_reduce", "--param", "start=1"];

/// Makes a job from the template, tests it here, and publishes it. Answers with its name.
pub fn publish_own_job(folders: &Folders, network: &Network, folder: &Path) -> Result<String, Failure> {
    let path = folder.join(OWN_JOB);
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|error| Failure::file("remove", &path, &error))?;
    }
    let path = path.to_string_lossy().into_owned();
    let sdk = folders.root.join("guest-sdk/p2pjob").to_string_lossy().into_owned();
    network.ask(0, &["new", &path, "--template", "word_count", "--sdk", &sdk])?;
    let published = network.ask(0, &["publish", &path])?;
    let (name, job) = (published.get("name").text(), published.get("job").text());
    println!("published {name}, job {job}");
    Ok(name.to_owned())
}

/// Runs every task and compares its result.
pub fn run_all(network: &Network, set: &DataSet, job: &str, folder: &Path) -> Result<(), Failure> {
    let mut liars = Vec::new();
    let text = format!("text={}", set.text.display());
    let counted = submit(network, &mut liars, &[job, "--input", &text, "--verify", "quorum:2"])?;
    let result = fetch_elsewhere(network, &counted, &folder.join("words.json"))?;
    same("word count", &counted_words(&result), &set.words)?;

    let again = submit(network, &mut liars, &[job, "--input", &text, "--verify", "quorum:2"])?;
    same(
        "chunks recalled the second time",
        &again.get("recalled").text(),
        &again.get("chunks").text(),
    )?;

    let sum = submit(
        network,
        &mut liars,
        &[
            &RANGE[..],
            &["--param", "end=1000000000000000000", "--param", "operation=sum"],
        ]
        .concat(),
    )?;
    same(
        "sum of 1 to 10^18",
        &digits(&sum),
        &"500000000000000000500000000000000000".to_owned(),
    )?;
    let product = submit(
        network,
        &mut liars,
        &[&RANGE[..], &["--param", "end=1000", "--param", "operation=product"]].concat(),
    )?;
    same("1000!", &digits(&product), &factorial(1000))?;

    let data = format!("data={}", set.table.display());
    let column = ["--param", "column=amount", "--input", &data];
    let mapped = submit(
        network,
        &mut liars,
        &[&["map", "--param", "function=x * 2"], &column[..]].concat(),
    )?;
    let doubled: Vec<String> = set.amounts.iter().map(|amount| (amount * 2).to_string()).collect();
    let result = fetch_elsewhere(network, &mapped, &folder.join("doubled.json"))?;
    same(
        "map",
        &result.items().iter().map(|value| value.text().to_owned()).collect(),
        &doubled,
    )?;

    let reduce = [
        "map_reduce",
        "--param",
        "map_function=x ** 2",
        "--param",
        "reduce_function=sum",
    ];
    let reduced = submit(network, &mut liars, &[&reduce[..], &column[..]].concat())?;
    let squares: u64 = set.amounts.iter().map(|amount| amount * amount).sum();
    same("map_reduce", &digits(&reduced), &squares.to_string())?;
    name_liars(network, &liars)
}

/// Submits, waits and shows what came of it.
fn submit(network: &Network, liars: &mut Vec<String>, arguments: &[&str]) -> Result<Json, Failure> {
    let task = network.ask(0, &[&["submit"], arguments, &["--wait"]].concat())?;
    let field = |name: &str| task.get(name).text().to_owned();
    println!("task        {}", field("task_id"));
    println!("status      {}", field("status"));
    println!(
        "chunks      {} of {} accepted, {} recalled",
        field("accepted"),
        field("chunks"),
        field("recalled")
    );
    println!(
        "replicas    {}, {} of them beyond the policy",
        field("replicas"),
        field("extra_replicas")
    );
    println!("price       {} credits", field("price_credits"));
    println!("confidence  {:.1} %", task.get("confidence").number() * 100.0);
    println!("result      {} ({} bytes)", field("result_hash"), field("result_bytes"));
    for liar in task.get("liars").items() {
        if let [node, chunk] = liar.items() {
            let short = node.text().get(..10).unwrap_or_default();
            println!(
                "verdict     node {short} lied: its result of chunk {} is wrong; not paid",
                chunk.text()
            );
            liars.push(node.text().to_owned());
        }
    }
    if field("status") == "completed" {
        Ok(task)
    } else {
        Err(Failure::new(format!("the task is {}", field("status"))))
    }
}

/// Fetches a task's result by its hash from a node that did not submit it.
fn fetch_elsewhere(network: &Network, task: &Json, path: &Path) -> Result<Json, Failure> {
    let hash = task.get("result_hash").text();
    let shown = path.to_string_lossy();
    let fetched = network.ask(OTHER_NODE, &["fetch", hash, "-o", &shown])?;
    println!(
        "fetched     {} bytes through node {OTHER_NODE}",
        fetched.get("size").text()
    );
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    Json::read(text.trim())
}

fn counted_words(result: &Json) -> std::collections::BTreeMap<String, u64> {
    result
        .fields()
        .iter()
        .map(|(word, count)| (word.clone(), count.text().parse().unwrap_or(0)))
        .collect()
}

/// `n!` in decimal, by school multiplication with nine digits at a time.
fn factorial(n: u64) -> String {
    const BASE: u64 = 1_000_000_000;
    let mut parts = vec![1u64];
    for factor in 2..=n {
        let mut carry = 0;
        for part in &mut parts {
            let product = *part * factor + carry;
            *part = product % BASE;
            carry = product / BASE;
        }
        if carry > 0 {
            parts.push(carry);
        }
    }
    let padded: String = parts.iter().rev().map(|part| format!("{part:09}")).collect();
    padded.trim_start_matches('0').to_owned()
}

/// The result of a task whose result is one number.
fn digits(task: &Json) -> String {
    task.get("result_text").text().trim().trim_matches('"').to_owned()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, network: &T, native: &T) -> Result<(), Failure> {
    if network == native {
        println!("compared    {what}: equal to the native result");
        return Ok(());
    }
    let cut = |value: &T| format!("{value:?}").chars().take(200).collect::<String>();
    Err(Failure::new(format!(
        "{what}: the network says {}, natively it is {}",
        cut(network),
        cut(native)
    )))
}

/// Every liar that was started must have been named, and nobody else.
fn name_liars(network: &Network, named: &[String]) -> Result<(), Failure> {
    let mut named = named.to_vec();
    named.sort();
    named.dedup();
    same("the nodes that lied", &named, &network.liars)
}

/// Shows balances and checks the ledger's signatures, links and sums.
pub fn show_ledger(network: &Network) -> Result<(), Failure> {
    let ledger = network.ask(0, &["ledger"])?;
    for row in ledger.get("rows").items() {
        let (peer, micro) = (row.get("peer").text(), row.get("balance").number());
        println!(
            "peer {}  balance {:.6} credits",
            peer.get(..10).unwrap_or(peer),
            micro / 1e6
        );
    }
    let verified = network.ask(0, &["ledger", "verify"])?;
    println!(
        "ledger sound: {} records, every signature and link checked",
        verified.get("records").text()
    );
    Ok(())
}
