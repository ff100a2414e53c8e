//! What is on disk after each step, over a restart.

use super::{NewDelivery, Store, Verdict};
use crate::webhooks::types::{Attempt, DeliveryState, Hook, HookEvent};
use job_model::{TaskId, UnixMillis};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const MAX_DEAD: u32 = 3;

fn open(dir: &Path) -> Store {
    Store::open(&dir.join("webhooks.redb"), MAX_DEAD).expect("the database")
}

fn hook(id: &str) -> Hook {
    Hook {
        id: id.to_owned(),
        url: "https://example.com/".to_owned(),
        events: HookEvent::ALL.to_vec(),
        owner: None,
        created_at: UnixMillis(1),
        from_seq: 5,
        secret: "whsec_AAAA".to_owned(),
        disabled: None,
    }
}

fn new(hook: &str, seq: u64) -> NewDelivery {
    NewDelivery {
        hook: hook.to_owned(),
        event: HookEvent::TaskCompleted,
        task: TaskId([1; 32]),
        seq,
        body: b"{}".to_vec(),
    }
}

fn attempt(status: u16) -> Attempt {
    Attempt {
        at: UnixMillis(9),
        duration_ms: 1,
        status: Some(status),
        error: (status >= 300).then(|| format!("answered {status}")),
        answer: String::new(),
        retry_after_ms: None,
    }
}

#[test]
fn the_file_is_its_owners_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("webhooks.redb");
    std::fs::write(&path, b"").expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    drop(open(dir.path()));
    let mode = std::fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn deliveries_survive_and_go_through_their_states() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    assert!(store.add_hook(&hook("wh_a")).expect("added"));
    assert_eq!(store.cursor().expect("the cursor"), 5);
    let queued = store
        .enqueue(&[new("wh_a", 6), new("wh_gone", 6)], 7, UnixMillis(3))
        .expect("queued");
    assert_eq!(queued, [("wh_a".to_owned(), UnixMillis(3), 1)]);
    store
        .record(1, &attempt(500), &Verdict::Again(UnixMillis(50)))
        .expect("recorded");
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.cursor().expect("the cursor"), 7);
    assert_eq!(
        store.pending().expect("what waits"),
        [("wh_a".to_owned(), UnixMillis(50), 1)]
    );
    let (delivery, _, body) = store.to_send(1).expect("read").expect("it waits");
    assert_eq!((delivery.failures, body.as_slice()), (1, &b"{}"[..]));
    let id = delivery.id;
    store.record(1, &attempt(500), &Verdict::Dead).expect("recorded");
    assert!(store.to_send(1).expect("read").is_none());
    let again = store.resend(1, UnixMillis(60)).expect("changed").expect("it was dead");
    assert_eq!(
        (again.id.as_str(), again.failures, again.attempts.len()),
        (id.as_str(), 0, 2)
    );
    store.record(1, &attempt(204), &Verdict::Delivered).expect("recorded");
    assert!(
        store.resend(1, UnixMillis(70)).expect("looked").is_none(),
        "a taken message is not sent again"
    );
    let page = store.page(Some(DeliveryState::Delivered), None, 10).expect("a page");
    assert_eq!(
        page.items.iter().map(|item| item.attempts.len()).collect::<Vec<_>>(),
        [3]
    );
}

#[test]
fn the_oldest_dead_letters_go_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    store.add_hook(&hook("wh_a")).expect("added");
    let five: Vec<NewDelivery> = (1..=5).map(|seq| new("wh_a", seq)).collect();
    store.enqueue(&five, 6, UnixMillis(1)).expect("queued");
    (1..=5).for_each(|number| store.record(number, &attempt(500), &Verdict::Dead).expect("recorded"));
    let page = store.page(Some(DeliveryState::Dead), None, 2).expect("a page");
    assert_eq!(page.items.iter().map(|item| item.number).collect::<Vec<_>>(), [5, 4]);
    let rest = store.page(Some(DeliveryState::Dead), page.next, 2).expect("a page");
    assert_eq!(rest.items.iter().map(|item| item.number).collect::<Vec<_>>(), [3]);
    assert_eq!(rest.next, None);
}

#[test]
fn gone_disables_the_hook_and_gives_up_what_waits() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = open(dir.path());
    store.add_hook(&hook("wh_a")).expect("added");
    store.add_hook(&hook("wh_b")).expect("added");
    store
        .enqueue(&[new("wh_a", 1), new("wh_a", 2), new("wh_b", 2)], 3, UnixMillis(1))
        .expect("queued");
    store.record(1, &attempt(410), &Verdict::Gone).expect("recorded");
    let found = store.hook("wh_a").expect("read").expect("it is there");
    assert!(found.disabled.is_some_and(|disabled| disabled.reason.contains("410")));
    let waiting = store.pending().expect("what waits");
    assert_eq!(
        waiting.iter().map(|(hook, ..)| hook.as_str()).collect::<Vec<_>>(),
        ["wh_b"]
    );
    assert!(store.remove_hook("wh_a").expect("removed"));
    assert!(!store.remove_hook("wh_a").expect("looked"));
    assert_eq!(store.page(None, None, 10).expect("a page").items.len(), 1);
}
