//! The door without a network: time is passed in.

use super::*;
use crate::MISBEHAVIOUR_HOLD;
use crate::admission::Admission;
use std::time::Instant;

#[test]
fn a_hold_ends_by_itself() {
    let admission = Admission::new(None, [].into());
    let (node, now) = (key(1).id(), Instant::now());
    assert_eq!(admission.refusal(&node, now), None);
    admission.hold(node, now, "it sent garbage".to_owned());
    let why = admission.refusal(&node, now).expect("held off");
    assert!(why.starts_with("held off for 11 s more: it sent garbage"), "{why}");
    assert!(admission.is_member(&node), "held off for a while, not expelled");
    assert_eq!(admission.refusal(&node, now + MISBEHAVIOUR_HOLD), None);
}

#[test]
fn the_deny_list_is_stronger() {
    let (friend, foe, stranger) = (key(1).id(), key(2).id(), key(3).id());
    let admission = Admission::new(Some([friend, foe].into()), [foe].into());
    let now = Instant::now();
    assert_eq!(admission.refusal(&friend, now), None);
    assert!(admission.refusal(&foe, now).expect("refused").contains("deny-list"));
    assert!(
        admission
            .refusal(&stranger, now)
            .expect("refused")
            .contains("allow-list")
    );
}

#[test]
fn holds_are_bounded() {
    let admission = Admission::new(None, [].into());
    let now = Instant::now();
    let node = |number: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        NodeId(id)
    };
    for number in 0..2000 {
        admission.hold(
            node(number),
            now + Duration::from_millis(u64::from(number)),
            "garbage".to_owned(),
        );
    }
    assert_eq!(admission.refusal(&node(0), now), None, "the first gave way");
    assert!(admission.refusal(&node(1999), now).is_some());
}
