//! The ledgers of three nodes against a plain model: any bytes are a script of payments, transfers, lost, doubled,
//! reordered and changed messages, and restarts. Whatever comes, each chain says what the model says, and each ledger
//! file proves it to a stranger.

use job_model::codec::{decode, encode};
use job_model::limits::MAX_FRAME_BYTES;
use job_model::receipt::ReplicaVerdict;
use job_model::sign::{NodeKey, Signed};
use job_model::{
    BlobHash, HalfBlock, JobId, Message, MicroCredits, NodeId, ProfileId, ReceiptLine, TaskId, UnixMillis, VoteKey,
};
use market::ledger_file::{LedgerTail, encode_record, new_ledger};
use market::{Chain, LedgerRecord, Ran, SettleError, SettlementDraft, read_ledger, verify_ledger};
use std::collections::BTreeMap;

const NODES: usize = 3;
/// Steps of one script; more bytes are left alone, so that a round stays fast.
const STEPS: usize = 48;
/// Messages on their way; the oldest are lost.
const NETWORK: usize = 16;
const AT: UnixMillis = UnixMillis(1_763_600_000_000);

/// One payment as the model keeps it.
struct Paid {
    from: usize,
    to: usize,
    amount: i128,
    fee: i128,
    taken: bool,
    closed: bool,
}

struct Node {
    key: NodeKey,
    chain: Chain,
    file: Vec<u8>,
    tail: LedgerTail,
}

impl Node {
    fn new(seed: u8) -> Self {
        let key = NodeKey::from_bytes([seed + 1; 32]);
        let (file, tail) = new_ledger(key.id());
        let chain = Chain::new(key.id());
        Self { key, chain, file, tail }
    }
    fn append(&mut self, record: &LedgerRecord) {
        let (bytes, tail) = encode_record(&self.tail, record);
        self.file.extend(bytes);
        self.tail = tail;
    }
    /// Killed while appending, perhaps, and started again.
    fn restart(&mut self, torn: usize) {
        let mut file = self.file.clone();
        file.extend(vec![0x5a; torn]);
        let mut chain = Chain::new(self.key.id());
        let mut reader = read_ledger(file.as_slice()).expect("our own header");
        for record in reader.by_ref().map_while(Result::ok) {
            chain.replay(record).expect("our own records");
        }
        assert_eq!(reader.tail(), self.tail, "what was written before is kept");
        assert_eq!(chain.seq(), self.chain.seq());
        self.chain = chain;
    }
}

/// By payer and position: all that was ever signed.
type Model = BTreeMap<(usize, u64), Paid>;

struct World {
    nodes: Vec<Node>,
    net: Vec<(usize, Message)>,
    model: Model,
    chunk: u32,
}

fn what_ran(_: &TaskId, _: u32, _: u32) -> Option<Ran> {
    let (vote, price) = (VoteKey(BlobHash([7; 32])), MicroCredits::ZERO);
    Some(Ran {
        vote,
        fuel: 1,
        bytes: 1,
        price,
    })
}

impl World {
    fn index(&self, node: &NodeId) -> Option<usize> {
        self.nodes.iter().position(|other| other.key.id() == *node)
    }
    fn send(&mut self, to: usize, message: Message) {
        if self.net.len() == NETWORK {
            self.net.remove(0);
        }
        self.net.push((to, message));
    }

    fn pay(&mut self, from: usize, to: usize, (amount, fee): (u16, Option<u8>)) {
        let worker = self.nodes[to].key.id();
        let credits = MicroCredits(i64::from(amount) + 1);
        let payer = &mut self.nodes[from];
        let (record, message, fee) = match fee {
            Some(fee) => {
                let fee = MicroCredits(i64::from(fee));
                let given = payer.chain.propose_transfer(&payer.key, worker, (credits, fee), AT);
                (given.record, given.message, fee)
            }
            None => {
                self.chunk += 1;
                let line = ReceiptLine {
                    chunk: self.chunk,
                    attempt: 0,
                    vote: VoteKey(BlobHash([7; 32])),
                    fuel: 1,
                    bytes: 1,
                    price: credits,
                    verdict: ReplicaVerdict::Accepted,
                };
                let draft = SettlementDraft {
                    worker,
                    task: TaskId([1; 32]),
                    job: JobId([2; 32]),
                    profile: ProfileId([3; 32]),
                    quote: 4,
                    lines: vec![line],
                };
                let proposal = payer.chain.propose(draft, &payer.key, AT);
                (proposal.record, proposal.message, MicroCredits::ZERO)
            }
        };
        payer.append(&record);
        let paid = Paid {
            from,
            to,
            amount: credits.0.into(),
            fee: fee.0.into(),
            taken: false,
            closed: false,
        };
        let seq = payer.chain.seq();
        assert!(self.model.insert((from, seq), paid).is_none());
        self.send(to, message);
    }

    /// Hands a message over. A changed one is refused, or is none at all.
    fn deliver(&mut self, to: usize, message: &Message, changed: bool) -> Result<(), SettleError> {
        match message {
            Message::Settle { half, lines } => {
                let node = &mut self.nodes[to];
                let answered = node.chain.accept_proposal(&node.key, half, lines, what_ran)?;
                // What was signed before gets the same answer, whatever lines come with it.
                assert!(
                    !changed || answered.record.is_none(),
                    "a changed proposal was signed: {half:?}"
                );
                if let Some(record) = &answered.record {
                    node.append(record);
                }
                let from = self.index(&half.node).expect("a node of ours");
                self.paid(from, half).taken = true;
                self.send(from, answered.message);
            }
            Message::Settled { half } => {
                let node = &mut self.nodes[to];
                let Some(closed) = node.chain.accept_answer(half)? else {
                    return Ok(());
                };
                assert!(!changed, "a changed answer was taken: {half:?}");
                node.append(&closed.record);
                let LedgerRecord::Answered { proposal, .. } = closed.record else {
                    panic!("{:?}", closed.record)
                };
                let paid = self.model.get_mut(&(to, proposal)).expect("a payment of ours");
                assert!(paid.taken && !paid.closed);
                paid.closed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn paid(&mut self, from: usize, half: &Signed<HalfBlock>) -> &mut Paid {
        let seq = half.open().map_or(0, |half| half.seq);
        self.model.get_mut(&(from, seq)).expect("a payment of ours")
    }

    fn step(&mut self, script: [u8; 4]) -> Option<SettleError> {
        let [what, first, second, third] = script;
        let (from, to) = (usize::from(first) % NODES, usize::from(first / 4) % NODES);
        match what % 8 {
            0 if from != to => self.pay(from, to, (u16::from_le_bytes([second, third]), None)),
            1 if from != to => self.pay(from, to, (u16::from(second), Some(third))),
            2 => self.nodes[from].restart(usize::from(second)),
            3 => {
                let peer = self.nodes[to].key.id();
                for message in self.nodes[from].chain.unanswered(&peer) {
                    self.send(to, message);
                }
            }
            _ if self.net.is_empty() => {}
            4 => drop(self.net.swap_remove(usize::from(first) % self.net.len())),
            5 => {
                let (to, message) = self.net[usize::from(first) % self.net.len()].clone();
                let mut bytes = encode(&message);
                let at = usize::from(u16::from_le_bytes([second, third])) % bytes.len();
                bytes[at] ^= 1 << (what / 8 % 8);
                let read = decode::<Message>(&bytes, MAX_FRAME_BYTES).ok()?;
                let changed = read != message;
                return self.deliver(to, &read, changed).err();
            }
            _ => {
                let at = usize::from(first) % self.net.len();
                // Some stay in the network: they come again.
                let (to, message) = if second & 1 == 0 {
                    self.net.swap_remove(at)
                } else {
                    self.net[at].clone()
                };
                return self.deliver(to, &message, false).err();
            }
        }
        None
    }

    /// What `me` is owed by `peer`: own proposals count when they are signed, those of others when they are taken.
    fn expected(&self, me: usize, peer: usize) -> i128 {
        let change = |paid: &Paid| match (paid.from == me && paid.to == peer, paid.from == peer && paid.to == me) {
            (true, _) => -paid.amount,
            (_, true) if paid.taken => paid.amount,
            _ => 0,
        };
        self.model.values().map(change).sum()
    }

    fn compare(&self) {
        for (me, node) in self.nodes.iter().enumerate() {
            let report = verify_ledger(node.file.as_slice(), Some(node.key.id())).expect("our own file");
            assert!(report.is_sound(), "{:?}", report.problems);
            for (peer, other) in self.nodes.iter().enumerate().filter(|(peer, _)| *peer != me) {
                let (expected, id) = (self.expected(me, peer), other.key.id());
                assert_eq!(i128::from(node.chain.balance(&id).0), expected);
                let proven = report.peers.get(&id).copied().unwrap_or_default();
                assert_eq!(i128::from(proven.balance.0), expected);
            }
            let own = || self.model.values().filter(|paid| paid.from == me);
            let burned: i128 = own().filter(|paid| paid.closed).map(|paid| paid.fee).sum();
            assert_eq!(i128::from(report.burned.0), burned);
            let open = own().filter(|paid| !paid.closed).count();
            assert_eq!((report.unanswered.len(), node.chain.unanswered_count()), (open, open));
            assert_eq!(node.chain.forks().count(), 0, "nobody forked");
        }
    }
}

/// Runs a script; returns how often what was refused.
pub fn run(data: &[u8]) -> String {
    let mut world = World {
        nodes: (0..NODES as u8).map(Node::new).collect(),
        net: vec![],
        model: Model::new(),
        chunk: 0,
    };
    let mut refused: BTreeMap<String, u32> = BTreeMap::new();
    for script in data.chunks_exact(4).take(STEPS) {
        if let Some(error) = world.step([script[0], script[1], script[2], script[3]]) {
            *refused.entry(super::shape(&error)).or_default() += 1;
        }
    }
    world.compare();
    let closed = world.model.values().filter(|paid| paid.closed).count();
    format!(
        "{} {closed} {:?}",
        world.model.len(),
        refused.into_keys().collect::<Vec<_>>()
    )
}

/// Scripts that pay, deliver, lose, change and restart.
pub fn seeds() -> Vec<Vec<u8>> {
    let pay = [[0, 4, 7, 0], [6, 0, 0, 0], [6, 0, 0, 0]].concat();
    let give = [[1, 6, 200, 3], [6, 0, 1, 0], [6, 1, 0, 0], [2, 2, 9, 0], [6, 0, 0, 0]].concat();
    let lost = [
        [1, 9, 1, 1],
        [4, 0, 0, 0],
        [3, 9, 0, 0],
        [5, 0, 60, 0],
        [7, 0, 0, 0],
        [7, 0, 0, 0],
    ]
    .concat();
    vec![pay.clone(), give.clone(), lost.clone(), [pay, give, lost].concat()]
}
