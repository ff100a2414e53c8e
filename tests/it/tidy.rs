//! The habits of CONTRIBUTING.md that a machine can check: the shape of files, names, and words that must not stand in
//! finished code. All violations are told at once, each with its file and line.

use std::path::{Path, PathBuf};

/// No file is longer; split it.
const MAX_LINES: usize = 800;
/// Files should stay below this; longer ones are listed in [`LONG_FILES`] with the reason.
const GOOD_LINES: usize = 400;
/// Files above [`GOOD_LINES`], and why they are one piece.
const LONG_FILES: &[(&str, &str)] = &[];
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helper", "helpers", "misc"];
/// Folders of Rust code.
const CODE: [&str; 5] = ["platform", "guest-sdk", "jobs", "tests", "xtask"];
/// Only these may read the environment: configuration goes in at the top.
const MAY_READ_ENVIRONMENT: [&str; 6] = [
    "platform/cargo-p2pjob/",
    "xtask/",
    "tests/",
    "guest-sdk/p2pjob-macros/",
    "platform/market/clippy",
    "platform/scheduler/clippy",
];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Test code: it may wait for things in its own way, unwrap and print.
    fn is_test(&self) -> bool {
        let in_tests = ["/tests/", "/benches/", "/examples/", "/tests.rs"]
            .iter()
            .any(|part| self.path.contains(part));
        in_tests || self.path.starts_with("tests/")
    }
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests lie in the checkout").to_owned()
}

/// All files below the code folders with one of these endings.
fn files(endings: &[&str]) -> Vec<Source> {
    let root = root();
    let mut open: Vec<PathBuf> = CODE.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            if !path.ends_with("target") {
                open.extend(
                    std::fs::read_dir(&path)
                        .expect("the checkout is readable")
                        .flatten()
                        .map(|entry| entry.path()),
                );
            }
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path
                .strip_prefix(&root)
                .expect("it lies below")
                .to_string_lossy()
                .into_owned();
            found.push(Source { path, text });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn rust_files() -> Vec<Source> {
    let found = files(&[".rs"]);
    assert!(found.len() > 50, "only {} files: the search is broken", found.len());
    found
}

#[track_caller]
fn none_of(violations: &[String], rule: &str) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}

/// Lines of code that hold one of the words, outside comments.
fn lines_with(source: &Source, words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        if let Some(word) = words.iter().find(|word| code.contains(word.as_str())) {
            found.push(format!("{}:{}: {word}", source.path, at + 1));
        }
    }
    found
}

/// A word that this file must not hold itself.
fn word(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn every_file_says_what_it_is() {
    let without: Vec<String> = rust_files()
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path)
        .collect();
    none_of(
        &without,
        "every .rs file starts with `//!`: what it is, who owns what, what happens on a crash",
    );
}

#[test]
fn files_stay_readable() {
    let mut violations = Vec::new();
    for source in rust_files() {
        let lines = source.text.lines().count();
        let listed = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > MAX_LINES {
            violations.push(format!("{}: {lines} lines, at most {MAX_LINES}", source.path));
        } else if lines > GOOD_LINES && !listed && !source.is_test() {
            violations.push(format!(
                "{}: {lines} lines; split it, or list it with its reason",
                source.path
            ));
        } else if lines <= GOOD_LINES && listed {
            violations.push(format!("{}: only {lines} lines; take it off the list", source.path));
        }
    }
    none_of(
        &violations,
        "files have at most 400 lines, unless a reason is listed in tests/it/tidy.rs",
    );
}

#[test]
fn names_say_something() {
    let empty = |source: &Source| {
        source
            .path
            .split('/')
            .any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
    };
    let found: Vec<String> = rust_files()
        .into_iter()
        .filter(empty)
        .map(|source| source.path)
        .collect();
    none_of(&found, "no crate or module is called util, common, helpers or misc");
}

#[test]
fn nothing_is_unfinished() {
    let words = [
        word(&["to", "do!("]),
        word(&["unimple", "mented!("]),
        word(&["FIX", "ME"]),
        word(&["X", "XX"]),
    ];
    let found: Vec<String> = rust_files()
        .iter()
        .flat_map(|source| {
            source.text.lines().enumerate().filter_map(|(at, line)| {
                let word = words.iter().find(|word| line.contains(word.as_str()))?;
                Some(format!("{}:{}: {word}", source.path, at + 1))
            })
        })
        .collect();
    none_of(&found, "unfinished code is not merged");
}

#[test]
fn tests_wait_for_events() {
    let words = [word(&["thread::sl", "eep("]), word(&["time::sl", "eep("])];
    // One bounded look again and again for what has no event; one moment of a fault; measurements.
    let allowed = |source: &Source| {
        ["tests/src/wait.rs", "tests/it/crashes.rs"].contains(&source.path.as_str())
            || source.path.starts_with("tests/bench/")
    };
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|source| source.is_test() && !allowed(source))
        .flat_map(|source| lines_with(source, &words))
        .collect();
    none_of(
        &found,
        "tests do not sleep: wait for an event, with a limit (tests/src/wait.rs)",
    );
}

#[test]
fn every_channel_has_a_bound() {
    let words = [word(&["unbounded_", "channel"]), word(&["mpsc::chan", "nel()"])];
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| lines_with(source, &words))
        .collect();
    none_of(&found, "every channel has a named capacity");
}

#[test]
fn the_environment_is_read_at_the_top() {
    let words = [
        word(&["env::", "var("]),
        word(&["env::", "var_os("]),
        word(&["env::", "vars("]),
        word(&["env::", "vars_os("]),
    ];
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|source| {
            !source.is_test()
                && !MAY_READ_ENVIRONMENT
                    .iter()
                    .any(|prefix| source.path.starts_with(prefix))
        })
        .flat_map(|source| lines_with(source, &words))
        .collect();
    none_of(&found, "only the command line, xtask and tests read the environment");
}

#[test]
fn the_contract_has_one_copy() {
    let elsewhere: Vec<String> = files(&[".wit"])
        .into_iter()
        .filter(|source| !source.path.starts_with("guest-sdk/wit/"))
        .map(|source| source.path)
        .collect();
    none_of(&elsewhere, "WIT files lie in guest-sdk/wit only");
    let templates: Vec<String> = files(&[".in"])
        .into_iter()
        .filter(|source| !source.path.starts_with("guest-sdk/templates/"))
        .map(|source| source.path)
        .collect();
    none_of(&templates, "templates of `p2pjob new` lie in guest-sdk/templates only");
}

#[test]
fn pure_crates_do_not_wait() {
    let words: Vec<String> = [
        "tokio",
        "std::thread",
        "std::fs",
        "std::net::Tcp",
        "Instant::now",
        "SystemTime",
    ]
    .map(str::to_owned)
    .into();
    let pure = [
        "platform/job-model/src",
        "platform/scheduler/src",
        "platform/market/src",
    ];
    let found: Vec<String> = rust_files()
        .iter()
        .filter(|source| pure.iter().any(|crate_| source.path.starts_with(crate_)) && !source.is_test())
        .flat_map(|source| lines_with(source, &words))
        .collect();
    none_of(
        &found,
        "job-model, scheduler and market are functions of their inputs: no clock, thread, disk or network",
    );
}

/// The code block of a Markdown file that follows a line.
fn code_after<'a>(text: &'a str, marker: &str) -> &'a str {
    let (_, after) = text
        .split_once(marker)
        .unwrap_or_else(|| panic!("{marker:?} is not there"));
    let (_, block) = after.split_once("```rust\n").expect("a block of Rust follows");
    block.split_once("\n```").expect("the block ends").0
}

#[test]
fn the_first_job_of_the_readme_is_the_real_one() {
    let read =
        |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (readme, job) = (read("README.md"), read("jobs/word_count/src/lib.rs"));
    let code = job.split("\n#[cfg(test)]").next().expect("there is code").trim_end();
    let code: Vec<&str> = code.lines().filter(|line| !line.starts_with("//!")).collect();
    assert_eq!(
        code_after(&readme, "<!-- jobs/word_count/src/lib.rs -->").trim(),
        code.join("\n").trim()
    );
    assert!(
        code.len() <= 40,
        "a word count takes {} lines of user code, at most 40 are promised",
        code.len()
    );
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut broken = Vec::new();
    let mut names: Vec<String> = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "web-console/README.md",
    ]
    .map(str::to_owned)
    .to_vec();
    let docs = std::fs::read_dir(root().join("docs")).expect("docs/ is there");
    let files = docs
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.extend(
        files
            .filter(|name| name.ends_with(".md"))
            .map(|name| format!("docs/{name}")),
    );
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let path = root().join(&name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or("");
            let local = !file.is_empty() && !file.contains("://");
            if local && !path.parent().expect("it lies in a folder").join(file).exists() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    none_of(&broken, "links lead to files that are there");
}
