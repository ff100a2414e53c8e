//! What a name means.

use super::*;

fn manifest(name: &str, version: &str) -> Manifest {
    let text = format!(r#"{{"name":"{name}","version":"{version}","params_schema":{{}}}}"#);
    Manifest::parse(&text).unwrap()
}

fn advert(number: u8, name: &str, at: u64) -> JobAdvert {
    JobAdvert {
        name: name.to_owned(),
        version: "9.0.0".to_owned(),
        job: JobId([number; 32]),
        size: 1,
        at: UnixMillis(at),
    }
}

fn publish(book: &mut JobBook, number: u8, name: &str, version: &str) {
    book.apply(&Event::JobPublished {
        job: JobId([number; 32]),
        size: 1,
        publisher: NodeId([9; 32]),
        manifest: Box::new(manifest(name, version)),
    });
}

fn means(book: &JobBook, text: &str) -> u8 {
    book.resolve(text).unwrap().job.0[0]
}

#[test]
fn own_jobs_go_before_built_in_ones_and_those_before_peers() {
    let mut book = JobBook::default();
    book.hear(NodeId([2; 32]), advert(1, "count", 1_000));
    assert_eq!(means(&book, "count"), 1);
    book.add_builtin(JobId([2; 32]), 1, NodeId([9; 32]), manifest("count", "1.0.0"));
    assert_eq!(means(&book, "count"), 2);
    publish(&mut book, 3, "count", "1.1.0");
    publish(&mut book, 4, "count", "1.2.0");
    assert_eq!(means(&book, "count"), 4, "the newest of one's own");
    assert_eq!(means(&book, "count@1.1.0"), 3);
    assert_eq!(means(&book, "count@9.0.0"), 1);
}

#[test]
fn a_hash_or_its_start_names_a_job() {
    let mut book = JobBook::default();
    publish(&mut book, 0xab, "one", "1.0.0");
    assert_eq!(means(&book, &"ab".repeat(32)), 0xab);
    assert_eq!(means(&book, "ABABAB"), 0xab);
    assert!(
        matches!(book.resolve("abab"), Err(ResolveError::Unknown { .. })),
        "four digits are too few"
    );
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let mut book = JobBook::default();
    publish(&mut book, 1, "zeta", "1.0.0");
    publish(&mut book, 2, "alpha", "1.0.0");
    let error = book.resolve("beta").unwrap_err();
    assert_eq!(error.to_string(), r#"no job is called "beta"; known jobs: alpha, zeta"#);
}

#[test]
fn a_peer_cannot_take_a_name_that_is_none_or_replace_a_job() {
    let mut book = JobBook::default();
    publish(&mut book, 1, "mine", "1.0.0");
    book.hear(NodeId([2; 32]), advert(2, "Not A Name", 1));
    book.hear(NodeId([2; 32]), advert(1, "other", 1));
    assert_eq!(book.len(), 1);
    assert_eq!(book.get(&JobId([1; 32])).unwrap().name, "mine");
}
