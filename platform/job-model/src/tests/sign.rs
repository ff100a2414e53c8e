//! Signatures keep domains apart; a Merkle root fixes leaves, their order and their number.

use crate::codec::{decode, encode};
use crate::sign::{NodeKey, SignatureError, Signed, merkle_root, verify};
use crate::{JobId, NodeId, Priority, ProfileId, Quote, Rates, UnixMillis};

fn key(seed: u8) -> NodeKey {
    NodeKey::from_bytes([seed; 32])
}

fn quote() -> Quote {
    Quote {
        worker: key(1).id(),
        requester: key(2).id(),
        job: JobId([1; 32]),
        priority: Priority::Normal,
        profile: ProfileId([2; 32]),
        rates: Rates::default(),
        slots: 1,
        expires: UnixMillis(9),
        number: 3,
    }
}

#[test]
fn a_signature_fits_one_node_one_domain_one_text() {
    let signature = key(1).sign("quote", b"text");
    let check = |seed: u8, domain: &str, text: &[u8]| verify(&key(seed).id(), domain, text, &signature);
    assert_eq!(check(1, "quote", b"text"), Ok(()));
    assert_eq!(check(2, "quote", b"text"), Err(SignatureError::Wrong(key(2).id())));
    assert_eq!(check(1, "advert", b"text"), Err(SignatureError::Wrong(key(1).id())));
    assert_eq!(check(1, "quote", b"texts"), Err(SignatureError::Wrong(key(1).id())));
    let mut changed = signature;
    changed.0[10] ^= 1;
    assert!(verify(&key(1).id(), "quote", b"text", &changed).is_err());
    // 2 is not the y coordinate of a point on the curve.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(
        verify(&NodeId(no_point), "quote", b"text", &signature),
        Err(SignatureError::Key(NodeId(no_point)))
    );
}

#[test]
fn a_signed_statement_opens_as_it_was_signed() {
    let signed = Signed::new(&key(1), &quote());
    assert_eq!(signed.open(), Ok(quote()));
    let bytes = encode(&signed);
    let again: Signed<Quote> = decode(&bytes, 4096).unwrap();
    assert_eq!(again, signed);
    let mut forged = again;
    forged.node = key(2).id();
    assert_eq!(forged.open(), Err(SignatureError::Wrong(key(2).id())));
    let text = serde_json::to_string(&signed).unwrap();
    assert_eq!(
        serde_json::from_str::<Signed<Quote>>(&text).unwrap().open(),
        Ok(quote())
    );
}

#[test]
fn a_key_is_never_printed() {
    let shown = format!("{:?}", key(7));
    assert_eq!(shown, format!("NodeKey({})", key(7).id().short()));
    assert!(!shown.contains("070707"));
    assert_eq!(NodeKey::from_bytes(key(7).to_bytes()).id(), key(7).id());
}

#[test]
fn a_root_fixes_its_leaves() {
    let root = |leaves: &[&[u8]]| merkle_root(leaves.iter().map(|leaf| leaf.to_vec()));
    assert_eq!(root(&[]).0, [0; 32]);
    let roots = [
        root(&[]),
        root(&[b""]),
        root(&[b"a"]),
        root(&[b"a", b"b"]),
        root(&[b"b", b"a"]),
        root(&[b"ab"]),
        root(&[b"a", b"b", b"c"]),
        root(&[b"a", b"b", b"c", b"c"]),
        root(&[b"a", b"b", b"c", b"d"]),
        root(&[b"a", b"b", b"", b"c"]),
    ];
    for (at, one) in roots.iter().enumerate() {
        assert!(roots.iter().skip(at + 1).all(|other| other != one), "{at}");
    }
    // A node of the tree cannot pass for a leaf: leaf and node hashes have different first bytes.
    let leaf = |text: &[u8]| *blake3::Hasher::new().update(&[0]).update(text).finalize().as_bytes();
    let inner = [leaf(b"a"), leaf(b"b")].concat();
    assert_ne!(root(&[&inner]), root(&[b"a", b"b"]));
}
