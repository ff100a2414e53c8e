//! Forks that no single receiver sees: records shown around, proofs brought by others, and what proves nothing.

use super::chain::{draft, parts, ran};
use super::{Random, T0, key, node};
use crate::chain::forks::FORKS_KEPT;
use crate::witness::{RECORDS_KEPT, RECORDS_PER_AUTHOR, Witness};
use crate::{Chain, Fork, SettleError};
use job_model::HalfBlock;
use job_model::sign::Signed;

/// A half block of `author` for `peer` at the end of its chain.
fn block(chain: &mut Chain, author: u8, peer: u8, chunk: u32) -> Signed<HalfBlock> {
    parts(&chain.propose(draft(peer, chunk..chunk + 1), &key(author), T0).message).0
}

#[test]
fn a_fork_between_two_receivers_is_found_when_they_talk() {
    let mut forker = Chain::new(node(1));
    let mut twin = forker.clone();
    let (one, other) = (
        forker.propose(draft(2, 0..1), &key(1), T0),
        twin.propose(draft(3, 0..1), &key(1), T0),
    );
    let (mut second, mut third) = (Chain::new(node(2)), Chain::new(node(3)));
    let (half, lines) = parts(&one.message);
    second.accept_proposal(&key(2), &half, &lines, ran).unwrap();
    let (half, lines) = parts(&other.message);
    third.accept_proposal(&key(3), &half, &lines, ran).unwrap();
    assert!(
        second.forks().next().is_none() && third.forks().next().is_none(),
        "neither can know"
    );
    let shown = second.show(&node(3), 16, 7);
    assert_eq!(shown.len(), 1);
    let fork = third.hear(&shown[0]).unwrap().expect("the two contradict each other");
    assert_eq!(third.convict(&fork), Ok(Some(node(1))));
    assert_eq!(third.convict(&fork), Ok(None), "once");
    // Whoever gets the proof believes it without having seen anything.
    let mut stranger = Chain::new(node(9));
    assert_eq!(stranger.convict(&fork), Ok(Some(node(1))));
    let (half, lines) = parts(&forker.propose(draft(9, 1..2), &key(1), T0).message);
    assert_eq!(
        stranger.accept_proposal(&key(9), &half, &lines, ran),
        Err(SettleError::Banned(node(1)))
    );
}

#[test]
fn a_proposal_that_contradicts_hearsay_is_refused_at_once() {
    let mut forker = Chain::new(node(1));
    let mut twin = forker.clone();
    let heard = block(&mut forker, 1, 2, 0);
    let mut third = Chain::new(node(3));
    assert_eq!(third.hear(&heard), Ok(None));
    let (half, lines) = parts(&twin.propose(draft(3, 0..1), &key(1), T0).message);
    let refused = third.accept_proposal(&key(3), &half, &lines, ran).unwrap_err();
    assert!(matches!(refused, SettleError::Fork(_)), "{refused:?}");
    assert_eq!(third.seq(), 0, "nothing is signed");
}

#[test]
fn what_proves_nothing_convicts_nobody() {
    let mut honest = Chain::new(node(1));
    let blocks: Vec<_> = (0..4).map(|chunk| block(&mut honest, 1, 2, chunk)).collect();
    let mut chain = Chain::new(node(3));
    let mut convict = |first: &Signed<HalfBlock>, second: &Signed<HalfBlock>| {
        let fork = Fork {
            first: first.clone(),
            second: second.clone(),
        };
        chain.convict(&fork)
    };
    assert_eq!(
        convict(&blocks[0], &blocks[0]),
        Err(SettleError::NoProof),
        "one block twice"
    );
    assert_eq!(
        convict(&blocks[0], &blocks[1]),
        Err(SettleError::NoProof),
        "a block and the next"
    );
    assert_eq!(
        convict(&blocks[1], &blocks[0]),
        Err(SettleError::NoProof),
        "the wrong way round"
    );
    assert_eq!(
        convict(&blocks[0], &blocks[2]),
        Err(SettleError::NoProof),
        "too far apart to say"
    );
    let other = block(&mut Chain::new(node(2)), 2, 1, 0);
    assert_eq!(convict(&blocks[0], &other), Err(SettleError::NoProof), "two authors");
    // Signed by somebody else than the author it names: neither author nor signer is convicted.
    let mut named = block(&mut Chain::new(node(1)), 1, 5, 9).open().unwrap();
    named.author = node(1);
    let forged = Signed::new(&key(8), &named);
    assert_eq!(convict(&blocks[0], &forged), Err(SettleError::NoProof));
    // A bit of the signature.
    let mut bytes = job_model::codec::encode(&blocks[0]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let broken: Signed<HalfBlock> = job_model::codec::decode(&bytes, 4096).unwrap();
    assert!(matches!(convict(&broken, &blocks[1]), Err(SettleError::Signature(_))));
    assert!(matches!(chain.hear(&broken), Err(SettleError::Signature(_))));
    assert_eq!(chain.forks().count(), 0);
}

#[test]
fn a_proof_against_oneself_is_not_believed_and_not_a_crash() {
    let (mut one, mut other) = (Chain::new(node(1)), Chain::new(node(1)));
    let fork = Fork {
        first: block(&mut one, 1, 2, 0),
        second: block(&mut other, 1, 3, 0),
    };
    assert_eq!(one.convict(&fork), Ok(None));
    assert_eq!(one.hear(&fork.second), Ok(None));
}

#[test]
fn honest_chains_shown_around_in_any_order_are_no_forks() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut chains: Vec<Chain> = (1..6).map(|author| Chain::new(node(author))).collect();
        let mut blocks = vec![];
        for chunk in 0..60 {
            let author = random.below(5);
            blocks.push(block(&mut chains[author], author as u8 + 1, 7, chunk));
        }
        let mut listener = Chain::new(node(9));
        for _ in 0..300 {
            let heard = &blocks[random.below(blocks.len())];
            assert_eq!(listener.hear(heard), Ok(None), "seed {seed}");
        }
    }
}

#[test]
fn every_single_fork_is_found_by_showing_records_around() {
    // Twelve nodes, one of which tells two of them different things; everybody shows a few records to a random other.
    for seed in 0..10 {
        let mut random = Random(seed);
        let mut nodes: Vec<Chain> = (2..14).map(|author| Chain::new(node(author))).collect();
        let mut forker = Chain::new(node(1));
        for chunk in 0..30u32 {
            let to = 2 + random.below(12) as u8;
            let proposal = forker.propose(draft(to, chunk..chunk + 1), &key(1), T0);
            let (half, lines) = parts(&proposal.message);
            nodes[usize::from(to) - 2]
                .accept_proposal(&key(to), &half, &lines, ran)
                .unwrap();
        }
        let mut twin = forker.clone();
        for (chain, to) in [(&mut forker, 2u8), (&mut twin, 13)] {
            let (half, lines) = parts(&chain.propose(draft(to, 100..101), &key(1), T0).message);
            nodes[usize::from(to) - 2]
                .accept_proposal(&key(to), &half, &lines, ran)
                .unwrap();
        }
        let mut rounds = 0;
        while !nodes.iter().any(|chain| chain.forks().next().is_some()) {
            rounds += 1;
            assert!(rounds < 50, "seed {seed}: not found in {rounds} rounds");
            for from in 0..nodes.len() {
                let to = random.below(nodes.len());
                let shown = nodes[from].show(&node(to as u8 + 2), 8, random.next());
                for half in &shown {
                    if let Some(fork) = nodes[to].hear(half).unwrap() {
                        assert_eq!(nodes[to].convict(&fork), Ok(Some(node(1))));
                    }
                }
            }
        }
    }
}

#[test]
fn memory_is_bounded_and_nobody_pushes_the_others_out() {
    let mut witness = Witness::default();
    let quiet = block(&mut Chain::new(node(1)), 1, 2, 0);
    witness.remember(&quiet, &quiet.open().unwrap());
    let mut loud = Chain::new(node(3));
    for chunk in 0..RECORDS_PER_AUTHOR as u32 * 3 {
        let half = block(&mut loud, 3, 2, chunk);
        witness.remember(&half, &half.open().unwrap());
    }
    assert_eq!(witness.len(), RECORDS_PER_AUTHOR + 1);
    let shown = witness.sample(&node(3), 16, 12345);
    assert_eq!(shown, [quiet], "none of the peer's own");
    assert_eq!(
        witness.sample(&node(2), 1000, u64::MAX).len(),
        RECORDS_PER_AUTHOR + 1,
        "each once"
    );
    assert!(Witness::default().sample(&node(1), 5, 3).is_empty() && Witness::default().is_empty());
    // Many authors: the oldest go. Unsigned blocks will do here, the caller has checked them.
    let half = block(&mut Chain::new(node(4)), 4, 2, 0);
    let mut named = half.open().unwrap();
    for author in 0..RECORDS_KEPT as u32 * 2 {
        named.author.0[..4].copy_from_slice(&author.to_le_bytes());
        witness.remember(&half, &named);
    }
    assert_eq!(witness.len(), RECORDS_KEPT);
}

#[test]
fn fresh_keys_that_fork_do_not_fill_the_memory() {
    let mut chain = Chain::new(node(1));
    let mut convicted = 0;
    for author in 0..40u8 {
        let author = author + 100;
        let fork = Fork {
            first: block(&mut Chain::new(node(author)), author, 2, 0),
            second: block(&mut Chain::new(node(author)), author, 3, 0),
        };
        convicted += usize::from(chain.convict(&fork).unwrap().is_some());
        assert!(!chain.has_dealt_with(&node(author)), "such a proof is not written down");
    }
    assert_eq!(convicted, 40);
    assert!(chain.forks().count() <= FORKS_KEPT);
}
