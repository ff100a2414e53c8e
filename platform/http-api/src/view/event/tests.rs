//! Every kind of event has a view, the view keeps its shape, and what recorded journals hold can still be read.

use super::*;
use job_model::{Recorded, UnixMillis};
use std::path::{Path, PathBuf};

#[expect(dead_code, reason = "the samples of all messages; here only events are used")]
#[path = "../../../../job-model/tests/samples/mod.rs"]
mod samples;

fn views_of(name: &str) -> Vec<EventView> {
    let of_kind = samples::events().into_iter().map(|(_, event)| event);
    let records = (1..).zip(of_kind.filter(|event| type_name(event) == name));
    let at = UnixMillis(1_763_600_000_000);
    records
        .map(|(seq, event)| EventView::from(&Recorded { seq, at, event }))
        .collect()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/events/{name}.json"))
}

#[test]
fn every_event_has_a_view_of_its_name() {
    let mut seen: Vec<&str> = Vec::new();
    for (_, event) in samples::events() {
        let name = type_name(&event);
        let record = Recorded {
            seq: 7,
            at: UnixMillis(8),
            event,
        };
        let json = serde_json::to_value(EventView::from(&record)).unwrap();
        assert_eq!(
            (&json["type"], &json["seq"], &json["at"]),
            (&name.into(), &7.into(), &8.into()),
            "{json}"
        );
        let task = record.event.task().map(|task| task.to_string());
        assert_eq!(json["task"].as_str(), task.as_deref(), "{json}");
        seen.push(name);
    }
    seen.sort_unstable();
    seen.dedup();
    let mut all = TYPE_NAMES.to_vec();
    all.sort_unstable();
    assert_eq!(seen, all);
}

/// A changed file here is a changed API: old consoles and clients read what these say.
#[test]
fn views_keep_their_golden_shape() {
    for name in TYPE_NAMES {
        let json = serde_json::to_string_pretty(&views_of(name)).unwrap() + "\n";
        let path = golden(name);
        if std::env::var_os("P2PJOB_GOLDEN").is_some_and(|mode| mode == "write") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &json).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            kept, json,
            "{name}: run with P2PJOB_GOLDEN=write if this change is meant"
        );
    }
}

#[test]
fn outputs_logs_and_zeros_do_not_travel() {
    let json = serde_json::to_string(&views_of("replicas_finished")).unwrap();
    assert!(json.contains(r#""outcomes":"vvetfnnnnnnn""#), "{json}");
    for absent in ["seven", "line\\n", "unreachable"] {
        assert!(!json.contains(absent), "{absent} in {json}");
    }
    let assigned = serde_json::to_value(views_of("replicas_assigned")).unwrap();
    assert_eq!(assigned[0]["chunks"], serde_json::json!([4, 5]));
    assert!(assigned[0].get("attempts").is_none(), "{assigned}");
    let verified = serde_json::to_value(views_of("chunks_verified")).unwrap();
    assert_eq!(verified[0]["wrong"][0]["chunk"], 4, "{verified}");
    assert!(
        verified[0].get("winners").is_none() && verified[0].get("confidence").is_none(),
        "{verified}"
    );
}

/// The console's reducer is tested on journals that real nodes recorded: they must be of today's shape.
#[test]
fn recorded_journals_still_have_this_shape() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web-console/tests/fixtures");
    for name in ["completed", "liar", "failed", "cancelled"] {
        let path = folder.join(format!("{name}.jsonl"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.lines().count() > 3, "{} is too short", path.display());
        for line in text.lines() {
            let kept: serde_json::Value = serde_json::from_str(line).unwrap();
            let view: EventView = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
            // Read and written again it is the same: nothing unknown, nothing renamed.
            assert_eq!(
                serde_json::to_value(&view).unwrap(),
                kept,
                "{name}: record again, see tests/it/http_events.rs"
            );
        }
    }
}
