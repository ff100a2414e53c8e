//! Tasks: their ids, and what their configuration reads as.

use crate::{JobId, NodeId, Requirements, TaskConfig, TaskSpec, TaskStatus, UnixMillis, VerifyPolicy};

fn spec() -> TaskSpec {
    TaskSpec {
        job: JobId([1; 32]),
        job_name: "a".to_owned(),
        params: vec![0xa0],
        inputs: vec![],
        requirements: Requirements::default(),
        config: TaskConfig::default(),
    }
}

#[test]
fn a_task_id_covers_specification_requester_and_nonce() {
    let id = spec().id(&NodeId([2; 32]), &[3; 16]);
    assert_eq!(spec().id(&NodeId([2; 32]), &[3; 16]), id);
    assert_ne!(spec().id(&NodeId([9; 32]), &[3; 16]), id);
    assert_ne!(spec().id(&NodeId([2; 32]), &[9; 16]), id);
    assert_ne!(
        TaskSpec {
            params: vec![0xa1],
            ..spec()
        }
        .id(&NodeId([2; 32]), &[3; 16]),
        id
    );
}

#[test]
fn configuration_has_defaults_and_refuses_unknown_fields() {
    let config: TaskConfig = serde_json::from_str(r#"{"verify": {"spot": 0.5}, "priority": "critical"}"#).unwrap();
    assert_eq!(config.verify, VerifyPolicy::Spot(0.5));
    assert!(config.memo);
    assert!(
        serde_json::from_str::<TaskConfig>(r#"{"priorty": "high"}"#)
            .unwrap_err()
            .to_string()
            .contains("priorty")
    );
    assert!(serde_json::from_str::<Requirements>(r#"{"ram": 1}"#).is_err());
}

#[test]
fn final_states_are_final() {
    let finals = [
        TaskStatus::Pending,
        TaskStatus::Running,
        TaskStatus::Completed,
        TaskStatus::Failed,
        TaskStatus::Cancelled,
    ];
    assert_eq!(finals.map(TaskStatus::is_final), [false, false, true, true, true]);
}

#[test]
fn time_does_not_run_backwards() {
    assert_eq!(UnixMillis(5).since(UnixMillis(9)), 0);
    assert_eq!(UnixMillis(9).since(UnixMillis(5)), 4);
    assert_eq!(UnixMillis(u64::MAX).plus(1), UnixMillis(u64::MAX));
}
