//! The worker's queue without threads, time or sandboxes.

use super::*;
use job_model::Outcome;
use job_model::Requirements;

type TestQueue = Queue<()>;

const TARGET: Duration = Duration::from_millis(10);

fn node(number: u8) -> NodeId {
    NodeId([number; 32])
}

fn task(number: u8) -> TaskId {
    TaskId([number; 32])
}

fn batch(task_number: u8, priority: Priority, chunks: std::ops::Range<u32>, slices: usize) -> AssignBatch {
    let slice = Slice {
        input: 0,
        offset: 0,
        length: 1,
    };
    let replicas = chunks.map(|chunk| Assignment {
        chunk,
        attempt: 0,
        body: Vec::new(),
        slices: vec![slice; slices],
    });
    AssignBatch {
        task: task(task_number),
        job: JobId([1; 32]),
        job_size: 10,
        quote: 1,
        priority,
        requirements: Requirements::default(),
        inputs: Vec::new(),
        providers: Vec::new(),
        replicas: replicas.collect(),
    }
}

fn loaded(queue: &mut TestQueue, id: OrderId) {
    assert!(queue.needs_job(id));
    queue.loading(id);
    assert!(!queue.needs_job(id));
    assert!(queue.loaded(id, Ok(Arc::new(()))).is_none());
}

fn result(replica: (u32, u32)) -> ReplicaResult {
    let mut result = no_verdict(replica, NoVerdict::Cancelled);
    result.outcome = Outcome::OutOfFuel;
    result
}

fn chunks(ready: &Ready<()>) -> Vec<u32> {
    ready.replicas.iter().map(|(assignment, _)| assignment.chunk).collect()
}

#[test]
fn nothing_runs_before_the_component_is_there() {
    let mut queue = TestQueue::new(10);
    let (id, refused) = queue.assign(node(1), batch(1, Priority::Normal, 0..3, 0));
    assert!(refused.is_empty());
    assert!(queue.next_run(TARGET, 8).is_none());
    loaded(&mut queue, id);
    assert_eq!(
        chunks(&queue.next_run(TARGET, 8).unwrap()),
        [0],
        "one at first: nothing is known of its duration"
    );
    assert_eq!(queue.load(), (1, 2));
}

#[test]
fn tiny_replicas_are_handed_over_together() {
    let mut queue = TestQueue::new(100);
    let (id, _) = queue.assign(node(1), batch(1, Priority::Normal, 0..20, 0));
    loaded(&mut queue, id);
    queue.next_run(TARGET, 8).unwrap();
    let sent = queue.ran(id, vec![result((0, 0))], Duration::from_millis(2));
    assert_eq!(sent.len(), 1);
    assert_eq!(
        chunks(&queue.next_run(TARGET, 8).unwrap()),
        [1, 2, 3, 4, 5],
        "five of 2 ms make 10 ms"
    );
}

#[test]
fn a_higher_priority_goes_first_and_equals_take_turns() {
    let mut queue = TestQueue::new(100);
    let (low, _) = queue.assign(node(1), batch(1, Priority::Low, 0..2, 0));
    let (a, _) = queue.assign(node(1), batch(2, Priority::High, 10..12, 0));
    let (b, _) = queue.assign(node(2), batch(3, Priority::High, 20..22, 0));
    for id in [low, a, b] {
        loaded(&mut queue, id);
    }
    let order: Vec<u32> = std::iter::from_fn(|| queue.next_run(TARGET, 1))
        .flat_map(|ready| chunks(&ready))
        .collect();
    assert_eq!(order, [10, 20, 11, 21, 0, 1]);
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let mut queue = TestQueue::new(2);
    let (_, refused) = queue.assign(node(1), batch(1, Priority::Normal, 0..5, 0));
    let refused: Vec<u32> = refused.iter().map(|result| result.chunk).collect();
    assert_eq!(refused, [2, 3, 4]);
    assert_eq!(queue.load(), (0, 2));
}

#[test]
fn inputs_are_fetched_ahead_within_the_bound() {
    let mut queue = TestQueue::new(100);
    let (id, _) = queue.assign(node(1), batch(1, Priority::Normal, 0..5, 1));
    loaded(&mut queue, id);
    let (_, first, slices) = queue.next_fetch(2).unwrap();
    assert_eq!((first, slices.len()), ((0, 0), 1));
    queue.next_fetch(2).unwrap();
    assert!(queue.next_fetch(2).is_none(), "two are on the way");
    assert!(queue.next_run(TARGET, 8).is_none(), "no input is here");
    assert!(queue.fetched(id, first, Ok(())).is_none());
    assert_eq!(chunks(&queue.next_run(TARGET, 8).unwrap()), [0]);
    let failed = queue
        .fetched(id, (1, 0), Err(NoVerdict::Unavailable("gone".into())))
        .unwrap();
    assert_eq!(
        (failed.chunk, failed.outcome),
        (1, Outcome::NoVerdict(NoVerdict::Unavailable("gone".into())))
    );
}

#[test]
fn a_component_that_cannot_be_had_fails_every_replica() {
    let mut queue = TestQueue::new(100);
    let (id, _) = queue.assign(node(1), batch(1, Priority::Normal, 0..3, 0));
    let failed = queue
        .loaded(id, Err(NoVerdict::Unavailable("nobody has it".into())))
        .unwrap();
    assert_eq!(failed.len(), 3);
    assert_eq!(queue.load(), (0, 0));
    assert!(queue.needs_job(id), "the next assignment tries again");
}

#[test]
fn cancelling_stops_what_runs_and_forgets_the_rest() {
    let mut queue = TestQueue::new(100);
    let (id, _) = queue.assign(node(1), batch(1, Priority::Normal, 0..3, 0));
    loaded(&mut queue, id);
    let ready = queue.next_run(TARGET, 1).unwrap();
    assert!(!queue.cancel(&node(1), &task(1), &[(1, 0)]), "the order stays");
    assert_eq!(queue.load(), (1, 1));
    assert!(
        !queue.cancel(&node(2), &task(1), &[(0, 0)]),
        "another requester's order is not touched"
    );
    assert!(!ready.replicas[0].1.is_cancelled());
    assert!(queue.cancel(&node(1), &task(1), &[]));
    assert!(ready.replicas[0].1.is_cancelled());
    assert_eq!(queue.load(), (0, 0));
    assert!(
        queue.ran(id, vec![result((0, 0))], Duration::ZERO).is_empty(),
        "nobody waits for it"
    );
}

#[test]
fn a_requester_that_is_gone_leaves_nothing() {
    let mut queue = TestQueue::new(100);
    queue.assign(node(1), batch(1, Priority::Normal, 0..3, 0));
    queue.assign(node(1), batch(2, Priority::Normal, 0..3, 0));
    queue.assign(node(2), batch(3, Priority::Normal, 0..3, 0));
    assert_eq!(queue.cancel_requester(&node(1)), [task(1), task(2)]);
    assert_eq!(queue.load(), (0, 3));
}
