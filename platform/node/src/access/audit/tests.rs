//! The audit log: every kind of damage is found and named, and a crash is no damage.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn entry(target: &str) -> AuditEntry {
    AuditEntry {
        actor: "ada".to_owned(),
        token: Some("00aa".to_owned()),
        role: "submitter".to_owned(),
        address: "127.0.0.1".to_owned(),
        action: "POST /api/v1/tasks".to_owned(),
        target: target.to_owned(),
        outcome: "ok".to_owned(),
        status: Some(201),
    }
}

/// A closed log of so many records, and its folder.
async fn written(count: usize) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let log = AuditLog::open(dir.path()).unwrap();
    for number in 0..count {
        log.append(entry(&format!("task {number}"))).await.unwrap();
    }
    let path = dir.path().join(AUDIT_FILE);
    (dir, path)
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn rewrite(path: &Path, lines: &[String]) {
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[track_caller]
fn problem(path: &Path, expect: Option<&str>) -> AuditProblem {
    verify_audit(path, expect).unwrap().unwrap_err()
}

#[tokio::test]
async fn a_log_is_sound_private_and_goes_on_after_a_restart() {
    let (dir, path) = written(3).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let first = verify_audit(&path, None).unwrap().unwrap();
    assert_eq!((first.records, first.torn_bytes), (3, 0));
    let log = AuditLog::open(dir.path()).unwrap();
    assert_eq!(log.head().hash, first.head);
    log.append(entry("one\nmore \u{1b}[31m")).await.unwrap();
    let second = verify_audit(&path, Some(&first.head)).unwrap().unwrap();
    assert_eq!((second.records, second.expected_at), (4, Some(3)));
    assert_eq!(log.head().hash, second.head);
    assert_eq!(lines(&path).len(), 4, "a line feed in a text makes no second line");
}

#[tokio::test]
async fn every_kind_of_damage_is_named() {
    let (_dir, path) = written(6).await;
    let good = lines(&path);
    let head = verify_audit(&path, None).unwrap().unwrap().head;
    let mut edited = good.clone();
    edited[2] = edited[2].replace("task 2", "task 9");
    rewrite(&path, &edited);
    assert!(problem(&path, None).to_string().starts_with("record 3: it was edited"));

    // Somebody who also fixes the record's own hash breaks the link of the next one.
    let mut forged: AuditRecord = serde_json::from_str(&good[2]).unwrap();
    forged.actor = "eve".to_owned();
    forged.hash = forged.digest();
    let mut replaced = good.clone();
    replaced[2] = forged.json();
    rewrite(&path, &replaced);
    let found = problem(&path, None);
    assert!(found.record == 4 && found.why.contains("replaced"), "{found}");

    let removed: Vec<String> = good
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != 3)
        .map(|(_, line)| line.clone())
        .collect();
    rewrite(&path, &removed);
    let found = problem(&path, None);
    assert!(found.record == 4 && found.why.contains("removed"), "{found}");

    let mut moved = good.clone();
    moved.swap(1, 2);
    rewrite(&path, &moved);
    assert_eq!(problem(&path, None).record, 2);

    let mut copied = good.clone();
    copied.insert(2, good[1].clone());
    rewrite(&path, &copied);
    let found = problem(&path, None);
    assert!(found.record == 3 && found.why.contains("copied"), "{found}");

    let mut spaced = good.clone();
    spaced[0] = spaced[0].replace("\"seq\":1", "\"seq\": 1");
    rewrite(&path, &spaced);
    assert_eq!(problem(&path, None).record, 1);

    rewrite(&path, &good[..4]);
    assert!(
        verify_audit(&path, None).unwrap().is_ok(),
        "a cut end shows only against a noted head"
    );
    let found = problem(&path, Some(&head));
    assert!(found.record == 5 && found.why.contains("cut off"), "{found}");
    rewrite(&path, &good);
    assert!(verify_audit(&path, Some(&head)).unwrap().is_ok());
}

#[tokio::test]
async fn a_torn_line_is_set_aside_and_recorded() {
    let (dir, path) = written(2).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"{\"seq\":3,\"at\":17");
    fs::write(&path, &bytes).unwrap();
    let report = verify_audit(&path, None).unwrap().unwrap();
    assert_eq!((report.records, report.torn_bytes), (2, 16));
    let log = AuditLog::open(dir.path()).unwrap();
    let page = log.page(None, 10).unwrap();
    let last = page.records.last().unwrap();
    assert_eq!((last.seq, last.action.as_str()), (3, "audit repair"));
    assert_eq!(
        fs::read(dir.path().join("audit.torn")).unwrap(),
        b"{\"seq\":3,\"at\":17"
    );
    assert_eq!(verify_audit(&path, None).unwrap().unwrap().records, 3);
}

#[tokio::test]
async fn a_damaged_end_is_a_start_error() {
    let (dir, path) = written(3).await;
    let good = lines(&path);
    for damage in [
        good[2].replace("task 2", "task 7"),
        "nonsense".to_owned(),
        good[0].clone(),
    ] {
        let mut bad = good.clone();
        bad[2] = damage;
        rewrite(&path, &bad);
        let error = AuditLog::open(dir.path())
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("audit.jsonl") && error.contains("audit verify"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn pages_are_found_by_number_in_a_long_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = AuditLog::open(dir.path()).unwrap();
    let many = (0..3_000).map(|number| log.append(entry(&format!("{number} {}", "x".repeat(200)))));
    for done in futures(many).await {
        done.unwrap();
    }
    assert!(fs::metadata(dir.path().join(AUDIT_FILE)).unwrap().len() > 4 * tail::MAX_LINE_BYTES);
    for from in [1, 2, 17, 1_500, 2_999, 3_000] {
        let page = log.page(Some(from), 3).unwrap();
        let numbers: Vec<u64> = page.records.iter().map(|record| record.seq).collect();
        let wanted: Vec<u64> = (from..=3_000).take(3).collect();
        assert_eq!(numbers, wanted);
    }
    assert_eq!(log.page(Some(3_001), 3).unwrap().records, []);
    assert_eq!(log.page(None, 2).unwrap().records[0].seq, 2_999);
    assert_eq!(log.verify(None).unwrap().unwrap().records, 3_000);
}

/// All at once, so that they are written in batches.
async fn futures<F: Future<Output = Result<(), AuditError>>>(
    all: impl Iterator<Item = F>,
) -> Vec<Result<(), AuditError>> {
    let mut open: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(move |cx| {
        open.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(result) => {
                done.push(result);
                false
            }
            std::task::Poll::Pending => true,
        });
        if open.is_empty() {
            std::task::Poll::Ready(std::mem::take(&mut done))
        } else {
            std::task::Poll::Pending
        }
    })
    .await
}
