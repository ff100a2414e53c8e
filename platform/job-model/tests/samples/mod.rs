//! One fixed value of every variant that crosses a boundary. The names come from exhaustive matches: a new variant
//! does not compile until it has a name, and the golden test fails until it has a sample.

use job_model::event::{
    AssignReason, CheckVerdict, ChunkVerdict, CompareVerdict, OutputComparison, Posting, ReplicaCheck, ReplicaResult,
};
use job_model::float::RawElements;
use job_model::message::{Advert, AssignBatch, Assignment, Gossip, Hello, JobAdvert, PROTOCOL_VERSION, ResultBatch};
use job_model::receipt::{ReplicaVerdict, lines_root};
use job_model::sign::{NodeKey, Signed};
use job_model::{
    BlobHash, Capability, Comparison, Event, FloatClass, Fork, HalfBlock, InputDecl, InputRef, JobId, Load, LossReason,
    Manifest, Message, MicroCredits, NoVerdict, NodeId, Outcome, Output, Placement, Priority, ProfileId, Quote, Rates,
    ReceiptLine, Recorded, Requirements, Settlement, Slice, TaskConfig, TaskFailure, TaskId, TaskSpec, Tolerance,
    Transfer, TrapKind, UnixMillis, Usage, VerifyPolicy,
};

pub fn key(seed: u8) -> NodeKey {
    NodeKey::from_bytes([seed; 32])
}
pub fn node(seed: u8) -> NodeId {
    key(seed).id()
}
pub fn task() -> TaskId {
    TaskId([0x11; 32])
}
pub fn job() -> JobId {
    JobId([0x22; 32])
}
pub fn blob(byte: u8) -> BlobHash {
    BlobHash([byte; 32])
}
pub fn profile() -> ProfileId {
    ProfileId([0x33; 32])
}
pub fn at() -> UnixMillis {
    UnixMillis(1_763_600_000_000)
}

pub fn usage() -> Usage {
    Usage {
        fuel: 123_456_789,
        input_bytes: 4096,
        output_bytes: 17,
        memory_bytes: 1 << 20,
        wall_us: 1500,
    }
}

pub fn outcomes() -> Vec<(&'static str, Outcome)> {
    let all = vec![
        Outcome::Value(Output::Inline(b"seven".to_vec())),
        Outcome::Value(Output::Blob {
            hash: blob(7),
            size: 1 << 33,
        }),
        Outcome::GuestError("bad chunk".to_owned()),
        Outcome::Trap {
            kind: TrapKind::Unreachable,
            detail: "at run\nin lib.rs:3".to_owned(),
        },
        Outcome::OutOfFuel,
        Outcome::NoVerdict(NoVerdict::StackOverflow),
        Outcome::NoVerdict(NoVerdict::MemoryLimit { limit_bytes: 256 << 20 }),
        Outcome::NoVerdict(NoVerdict::TimedOut { limit_ms: 300_000 }),
        Outcome::NoVerdict(NoVerdict::Cancelled),
        Outcome::NoVerdict(NoVerdict::Unavailable("input text".to_owned())),
        Outcome::NoVerdict(NoVerdict::Host("disk full".to_owned())),
        Outcome::NoVerdict(NoVerdict::Refused("no slots".to_owned())),
    ];
    all.into_iter()
        .map(|outcome| (outcome_name(&outcome), outcome))
        .collect()
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Value(Output::Inline(_)) => "value.inline",
        Outcome::Value(Output::Blob { .. }) => "value.blob",
        Outcome::GuestError(_) => "guest_error",
        Outcome::Trap { .. } => "trap",
        Outcome::OutOfFuel => "out_of_fuel",
        Outcome::NoVerdict(NoVerdict::StackOverflow) => "no_verdict.stack_overflow",
        Outcome::NoVerdict(NoVerdict::MemoryLimit { .. }) => "no_verdict.memory_limit",
        Outcome::NoVerdict(NoVerdict::TimedOut { .. }) => "no_verdict.timed_out",
        Outcome::NoVerdict(NoVerdict::Cancelled) => "no_verdict.cancelled",
        Outcome::NoVerdict(NoVerdict::Unavailable(_)) => "no_verdict.unavailable",
        Outcome::NoVerdict(NoVerdict::Host(_)) => "no_verdict.host",
        Outcome::NoVerdict(NoVerdict::Refused(_)) => "no_verdict.refused",
    }
}

pub fn results() -> Vec<ReplicaResult> {
    let result = |(chunk, (_, outcome))| ReplicaResult {
        chunk,
        attempt: 1,
        outcome,
        usage: usage(),
        log: "line\n".to_owned(),
        metrics: job_model::JobMetrics::default(),
    };
    (0..).zip(outcomes()).map(result).collect()
}

pub fn requirements() -> Requirements {
    Requirements {
        cpu_percent: 50,
        memory_bytes: 64 << 20,
        disk_bytes: 1 << 30,
        timeout_ms: 9000,
        fuel: 1_000_000,
        output_bytes: 1024,
        float_class: FloatClass::Exact,
        gpu: false,
    }
}

pub fn input() -> InputRef {
    InputRef {
        name: "text".to_owned(),
        hash: blob(9),
        size: 1_000_000,
    }
}

pub fn spec() -> TaskSpec {
    TaskSpec {
        job: job(),
        job_name: "word_count".to_owned(),
        params: vec![0xa1, 0x61, 0x6b, 0xf6],
        inputs: vec![input()],
        requirements: requirements(),
        config: TaskConfig {
            priority: Priority::High,
            max_price: Some(MicroCredits(2_500_000)),
            deadline_ms: Some(60_000),
            chunk_size: None,
            verify: VerifyPolicy::Spot(0.25),
            compare: Comparison::Exact,
            placement: Placement::PowerOfTwo,
            memo: true,
        },
    }
}

pub fn manifest() -> Manifest {
    Manifest {
        name: "word_count".to_owned(),
        version: "0.1.0".to_owned(),
        summary: "counts words".to_owned(),
        params_schema: serde_json::json!({"type": "object", "properties": {"k": {"default": null, "minimum": -1, "multipleOf": 0.5}}}),
        inputs: vec![InputDecl {
            name: "text".to_owned(),
            summary: "UTF-8".to_owned(),
            required: true,
        }],
        reduce: job_model::ReduceMode::Concat,
        verify: job_model::JobVerify::Quorum,
        checked: false,
        float_class: FloatClass::Exact,
        compare: None,
        memory_bytes: 32 << 20,
    }
}

pub fn quote() -> Quote {
    Quote {
        worker: node(2),
        requester: node(1),
        job: job(),
        priority: Priority::Critical,
        profile: profile(),
        rates: Rates {
            cpu: MicroCredits(10_000),
            ram: MicroCredits(20_000),
            disk: MicroCredits(5_000),
        },
        slots: 4,
        expires: at().plus(60_000),
        number: 7,
    }
}

pub fn lines() -> Vec<ReceiptLine> {
    let verdicts = [
        ReplicaVerdict::Accepted,
        ReplicaVerdict::Wrong,
        ReplicaVerdict::Late,
        ReplicaVerdict::Undecided,
    ];
    (0..)
        .zip(verdicts)
        .map(|(chunk, verdict)| ReceiptLine {
            chunk,
            attempt: 1,
            vote: job_model::VoteKey(blob(5)),
            fuel: 1_000_000,
            bytes: 4113,
            price: MicroCredits(if chunk % 2 == 0 { 11 } else { 0 }),
            verdict,
        })
        .collect()
}

pub fn half(answer: bool) -> Signed<HalfBlock> {
    let settlement = Settlement {
        profile: profile(),
        task: task(),
        job: job(),
        requester: node(1),
        worker: node(2),
        quote: 7,
        lines_root: lines_root(&lines()),
        lines: 4,
        fuel: 4_000_000,
        amount: MicroCredits(22),
        at: at(),
    };
    let (author, peer, answers, balance) = if answer {
        (node(2), node(1), blob(4), MicroCredits(22))
    } else {
        (node(1), node(2), BlobHash::default(), MicroCredits(-22))
    };
    let half = HalfBlock {
        author,
        seq: 3,
        previous: blob(6),
        peer,
        answers,
        settlement,
        balance,
        transfer: None,
    };
    Signed::new(&key(if answer { 2 } else { 1 }), &half)
}

/// A transfer by the author of `half(false)`, at the same position of its chain.
pub fn transfer_half() -> Signed<HalfBlock> {
    let work = half(false).open().unwrap();
    let settlement = Settlement {
        profile: ProfileId::default(),
        task: TaskId::default(),
        job: JobId::default(),
        quote: 0,
        lines_root: BlobHash::default(),
        lines: 0,
        fuel: 0,
        ..work.settlement.clone()
    };
    let transfer = Some(Transfer { fee: MicroCredits(1) });
    let half = HalfBlock {
        settlement,
        transfer,
        ..work
    };
    Signed::new(&key(1), &half)
}

pub fn advert() -> Signed<Advert> {
    let advert = Advert {
        seq: 5,
        at: at(),
        addresses: vec!["127.0.0.1:4001".parse().unwrap(), "[::1]:4001".parse().unwrap()],
        capability: Capability {
            worker: true,
            slots: 2,
            memory_bytes: 1 << 30,
            disk_bytes: 1 << 34,
            profile: profile(),
            arch: "x86_64".to_owned(),
            compute: None,
        },
        load: Load {
            running: 1,
            queued: 2,
            cpu_permille: 345,
            resident_bytes: 1 << 26,
        },
    };
    Signed::new(&key(1), &advert)
}

pub fn gossip() -> Vec<(&'static str, Gossip)> {
    let advert_of_job = JobAdvert {
        name: "word_count".to_owned(),
        version: "0.1.0".to_owned(),
        job: job(),
        size: 123_456,
        at: at(),
    };
    let fork = Fork {
        first: half(false),
        second: transfer_half(),
    };
    let all = vec![
        Gossip::Node(advert()),
        Gossip::Job(Signed::new(&key(3), &advert_of_job)),
        Gossip::Fork(Box::new(fork)),
    ];
    let name = |gossip: &Gossip| match gossip {
        Gossip::Node(_) => "node",
        Gossip::Job(_) => "job",
        Gossip::Fork(_) => "fork",
    };
    all.into_iter().map(|gossip| (name(&gossip), gossip)).collect()
}

pub fn results_batch() -> ResultBatch {
    let claim = ResultBatch::claim(&task(), &profile(), &results());
    ResultBatch {
        task: task(),
        profile: profile(),
        results: results(),
        signature: key(2).sign(ResultBatch::DOMAIN, &claim),
    }
}

fn records() -> Message {
    let halves = vec![half(true), transfer_half()];
    Message::Records { halves, answer: true }
}

pub fn messages() -> Vec<(&'static str, Message)> {
    let assign = AssignBatch {
        task: task(),
        job: job(),
        job_size: 123_456,
        quote: 7,
        priority: Priority::Low,
        requirements: requirements(),
        inputs: vec![input()],
        providers: vec![node(3)],
        replicas: vec![Assignment {
            chunk: 70_000,
            attempt: 2,
            body: vec![1, 2, 3],
            slices: vec![Slice {
                input: 0,
                offset: 1 << 40,
                length: 5,
            }],
        }],
    };
    let all = vec![
        Message::Hello(Box::new(Hello {
            version: PROTOCOL_VERSION,
            agent: "p2pjob 0.1.0".to_owned(),
            advert: advert(),
        })),
        Message::QuoteRequest {
            job: job(),
            priority: Priority::Normal,
            requirements: requirements(),
        },
        Message::QuoteOffer(Box::new(Signed::new(&key(2), &quote()))),
        Message::QuoteRefused {
            job: job(),
            priority: Priority::Normal,
            why: "no slots".to_owned(),
        },
        Message::Assign(Box::new(assign)),
        Message::Results(Box::new(results_batch())),
        Message::Cancel {
            task: task(),
            replicas: vec![(1, 0), (2, 1)],
            reason: "enough".to_owned(),
        },
        Message::Settle {
            half: Box::new(half(false)),
            lines: lines(),
        },
        Message::Settled {
            half: Box::new(half(true)),
        },
        Message::SettleRefused {
            seq: 3,
            why: "price".to_owned(),
        },
        Message::WhoHas { hash: blob(8) },
        Message::Have {
            hash: blob(8),
            size: None,
        },
        records(),
        Message::Bye {
            reason: "shutdown".to_owned(),
        },
    ];
    all.into_iter()
        .map(|message| (message_name(&message), message))
        .collect()
}

pub const MESSAGE_NAMES: [&str; 14] = [
    "hello",
    "quote_request",
    "quote_offer",
    "quote_refused",
    "assign",
    "results",
    "cancel",
    "settle",
    "settled",
    "settle_refused",
    "who_has",
    "have",
    "records",
    "bye",
];

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::Hello(_) => "hello",
        Message::QuoteRequest { .. } => "quote_request",
        Message::QuoteOffer(_) => "quote_offer",
        Message::QuoteRefused { .. } => "quote_refused",
        Message::Assign(_) => "assign",
        Message::Results(_) => "results",
        Message::Cancel { .. } => "cancel",
        Message::Settle { .. } => "settle",
        Message::Settled { .. } => "settled",
        Message::SettleRefused { .. } => "settle_refused",
        Message::WhoHas { .. } => "who_has",
        Message::Have { .. } => "have",
        Message::Records { .. } => "records",
        Message::Bye { .. } => "bye",
    }
}

pub fn failures() -> Vec<TaskFailure> {
    vec![
        TaskFailure::Plan("bad".to_owned()),
        TaskFailure::PlanUnstable,
        TaskFailure::Chunks {
            failed: 3,
            chunks: 9,
            count: 2,
            message: "no".to_owned(),
        },
        TaskFailure::Attempts {
            chunk: 4,
            attempts: 8,
            last: "timeout".to_owned(),
        },
        TaskFailure::Reduce("bad".to_owned()),
        TaskFailure::Deadline { done: 1, chunks: 9 },
        TaskFailure::Price {
            limit: MicroCredits(1_500_000),
            done: 1,
            chunks: 9,
        },
        TaskFailure::Internal("lost".to_owned()),
    ]
}

pub fn losses() -> Vec<LossReason> {
    vec![
        LossReason::Disconnected,
        LossReason::Stalled,
        LossReason::Restarted,
        LossReason::Refused("quote".to_owned()),
        LossReason::Superseded,
        LossReason::TaskEnded,
    ]
}

/// Events that have one shape.
#[expect(clippy::too_many_lines, reason = "one sample per variant")]
fn single_events() -> Vec<Event> {
    let verdict = ChunkVerdict {
        chunk: 4,
        winner: 0,
        replicas: vec![
            (0, node(2), ReplicaVerdict::Accepted),
            (1, node(3), ReplicaVerdict::Wrong),
        ],
    };
    let posting = Posting {
        worker: node(2),
        released: MicroCredits(40),
        amount: MicroCredits(22),
    };
    vec![
        Event::JobPublished {
            job: job(),
            size: 123_456,
            publisher: node(1),
            manifest: Box::new(manifest()),
        },
        Event::TaskSubmitted {
            task: task(),
            spec: Box::new(spec()),
            owner: String::new(),
        },
        Event::TaskPlanned {
            task: task(),
            plan: blob(3),
            chunks: 9,
            fuel: 77,
        },
        Event::ChunksRecalled {
            task: task(),
            chunks: vec![
                (2, Output::Inline(vec![])),
                (3, Output::Blob { hash: blob(1), size: 9 }),
            ],
        },
        Event::QuoteReceived {
            quote: Box::new(quote()),
        },
        Event::ReplicasFinished {
            task: task(),
            worker: node(2),
            results: results(),
        },
        Event::ChunksVerified {
            task: task(),
            verdicts: vec![verdict],
        },
        Event::CreditsPosted {
            task: task(),
            postings: vec![posting],
        },
        Event::NodeDistrusted {
            node: node(3),
            task: task(),
            chunk: 4,
        },
        Event::TaskCompleted {
            task: task(),
            result: blob(2),
            size: 17,
        },
        Event::TaskCancelled {
            task: task(),
            reason: "enough".to_owned(),
        },
        Event::SettlementProposed {
            worker: node(2),
            seq: 3,
            task: task(),
            quote: 7,
            lines: 4,
        },
        Event::SettlementSigned {
            peer: node(2),
            seq: 3,
            amount: MicroCredits(-22),
            fee: None,
        },
    ]
}

pub fn events() -> Vec<(String, Event)> {
    let mut all = single_events();
    let reasons = [
        AssignReason::Policy,
        AssignReason::Spot,
        AssignReason::Escalation,
        AssignReason::Hedge,
        AssignReason::Retry,
    ];
    all.extend(reasons.into_iter().map(|reason| Event::ReplicasAssigned {
        task: task(),
        worker: node(2),
        quote: 7,
        hold: MicroCredits(20),
        reason,
        replicas: vec![(4, 0), (5, 0)],
    }));
    all.extend(losses().into_iter().map(|why| Event::ReplicasLost {
        task: task(),
        worker: node(2),
        why,
        replicas: vec![(4, 0)],
    }));
    all.extend(
        failures()
            .into_iter()
            .map(|failure| Event::TaskFailed { task: task(), failure }),
    );
    // Behind the others, whose numbers are in the golden file.
    all.extend(checked_events());
    all.extend(compared_events());
    all.push(Event::SettlementSigned {
        peer: node(2),
        seq: 4,
        amount: MicroCredits(-99),
        fee: Some(MicroCredits(1)),
    });
    (0..)
        .zip(all)
        .map(|(at, event): (u32, Event)| (format!("{at:02}.{}", event_name(&event)), event))
        .collect()
}

/// What a job with a `check` of its own adds.
fn checked_events() -> Vec<Event> {
    let check = |attempt, verdict| ReplicaCheck {
        chunk: 4,
        attempt,
        verdict,
        usage: Usage {
            fuel: 5,
            ..Usage::default()
        },
    };
    let checks = vec![
        check(0, CheckVerdict::Accepted),
        check(1, CheckVerdict::Refuted),
        check(2, CheckVerdict::Failed("out of fuel".to_owned())),
    ];
    let mut spec = spec();
    spec.config.verify = VerifyPolicy::Check;
    let manifest = Manifest {
        verify: job_model::JobVerify::Check,
        checked: true,
        ..manifest()
    };
    vec![
        Event::ReplicasChecked { task: task(), checks },
        Event::TaskSubmitted {
            task: task(),
            spec: Box::new(spec),
            owner: String::new(),
        },
        Event::JobPublished {
            job: job(),
            size: 123_456,
            publisher: node(1),
            manifest: Box::new(manifest),
        },
    ]
}

/// What float class `fast` and comparison by tolerance add.
fn compared_events() -> Vec<Event> {
    let compared = |attempt, verdict, difference| OutputComparison {
        chunk: 4,
        reference: 0,
        attempt,
        verdict,
        difference,
    };
    let comparisons = vec![
        compared(1, CompareVerdict::Close, Some(1.5e-6)),
        compared(2, CompareVerdict::Apart, None),
        compared(3, CompareVerdict::Failed("too large".to_owned()), None),
    ];
    let tolerance = Tolerance {
        raw: Some(RawElements::F32),
        ..Tolerance::default()
    };
    let mut spec = spec();
    spec.requirements.float_class = FloatClass::Fast;
    spec.requirements.gpu = true;
    spec.config.compare = Comparison::Tolerance(tolerance);
    let manifest = Manifest {
        float_class: FloatClass::Fast,
        compare: Some(Comparison::Tolerance(Tolerance::default())),
        ..manifest()
    };
    vec![
        Event::OutputsCompared {
            task: task(),
            comparisons,
        },
        Event::TaskSubmitted {
            task: task(),
            spec: Box::new(spec),
            owner: String::new(),
        },
        Event::JobPublished {
            job: job(),
            size: 123_456,
            publisher: node(1),
            manifest: Box::new(manifest),
        },
    ]
}

pub const EVENT_NAMES: [&str; 18] = [
    "job_published",
    "task_submitted",
    "task_planned",
    "chunks_recalled",
    "quote_received",
    "replicas_assigned",
    "replicas_finished",
    "replicas_lost",
    "replicas_checked",
    "outputs_compared",
    "chunks_verified",
    "credits_posted",
    "node_distrusted",
    "task_completed",
    "task_failed",
    "task_cancelled",
    "settlement_proposed",
    "settlement_signed",
];

fn event_name(event: &Event) -> &'static str {
    match event {
        Event::JobPublished { .. } => "job_published",
        Event::TaskSubmitted { .. } => "task_submitted",
        Event::TaskPlanned { .. } => "task_planned",
        Event::ChunksRecalled { .. } => "chunks_recalled",
        Event::QuoteReceived { .. } => "quote_received",
        Event::ReplicasAssigned { .. } => "replicas_assigned",
        Event::ReplicasFinished { .. } => "replicas_finished",
        Event::ReplicasLost { .. } => "replicas_lost",
        Event::ReplicasChecked { .. } => "replicas_checked",
        Event::OutputsCompared { .. } => "outputs_compared",
        Event::ChunksVerified { .. } => "chunks_verified",
        Event::CreditsPosted { .. } => "credits_posted",
        Event::NodeDistrusted { .. } => "node_distrusted",
        Event::TaskCompleted { .. } => "task_completed",
        Event::TaskFailed { .. } => "task_failed",
        Event::TaskCancelled { .. } => "task_cancelled",
        Event::SettlementProposed { .. } => "settlement_proposed",
        Event::SettlementSigned { .. } => "settlement_signed",
    }
}

pub fn recorded() -> Vec<(String, Recorded)> {
    events()
        .into_iter()
        .map(|(name, event)| {
            (
                name,
                Recorded {
                    seq: 12,
                    at: at(),
                    event,
                },
            )
        })
        .collect()
}
