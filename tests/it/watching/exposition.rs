//! Reading Prometheus's text format, strictly.

use p2pjob_tests::Node;
use std::collections::BTreeMap;

/// One family of metrics, as its lines say.
#[derive(Default, Debug)]
pub struct Family {
    pub kind: String,
    pub help: String,
    /// By name with suffix and labels, as written.
    pub series: BTreeMap<String, f64>,
}

/// Reads the text format strictly: every line is understood, every family has HELP and TYPE before its series, in one
/// block, and no series comes twice.
#[track_caller]
pub fn families(text: &str) -> BTreeMap<String, Family> {
    let mut all: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap_or_else(|| panic!("no text: {line}"));
            let family = all.entry(name.to_owned()).or_default();
            assert!(family.help.is_empty() && family.series.is_empty(), "twice: {line}");
            family.help = help.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            let family = all.entry(name.to_owned()).or_default();
            assert!(family.kind.is_empty() && family.series.is_empty(), "twice: {line}");
            family.kind = kind.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            let value: f64 = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
            let name = series.split('{').next().unwrap_or(series);
            let owner = family_of(&all, name).unwrap_or_else(|| panic!("no TYPE before {line}"));
            let family = all.get_mut(&owner).expect("it was just found");
            assert!(
                family.series.insert(series.to_owned(), value).is_none(),
                "twice: {line}"
            );
        }
    }
    all
}

/// The family that a series of this name belongs to.
pub fn family_of(all: &BTreeMap<String, Family>, name: &str) -> Option<String> {
    if all.contains_key(name) {
        return Some(name.to_owned());
    }
    let suffixes = ["_bucket", "_sum", "_count"];
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix))?;
    let family = all.get(base)?;
    matches!(family.kind.as_str(), "histogram" | "summary").then(|| base.to_owned())
}

#[track_caller]
pub fn scrape(node: &Node) -> BTreeMap<String, Family> {
    let answer = node.http().get("/metrics").expect_status(200);
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    families(&answer.text())
}

#[track_caller]
pub fn value(families: &BTreeMap<String, Family>, series: &str) -> f64 {
    let name = series.split('{').next().unwrap_or(series);
    let owner = family_of(families, name).unwrap_or_else(|| panic!("there is no {name}"));
    let family = &families[&owner];
    *family
        .series
        .get(series)
        .unwrap_or_else(|| panic!("no {series} in {:?}", family.series))
}

/// Names say units and kinds as Prometheus wants them.
#[track_caller]
pub fn check_name(name: &str, family: &Family) {
    assert!(name.starts_with("p2pjob_"), "{name}");
    assert!(!family.help.is_empty(), "{name} has no HELP");
    assert!(!family.kind.is_empty(), "{name} has no TYPE");
    assert_eq!(
        name.ends_with("_total"),
        family.kind == "counter",
        "{name} is a {}",
        family.kind
    );
    for wrong in ["_ms", "_millis", "_milliseconds", "_us", "_kb", "_mb", "_percent"] {
        assert!(!name.contains(wrong), "{name}: base units only");
    }
    let is_time = family.kind == "histogram" && !name.ends_with("_events");
    assert!(!is_time || name.ends_with("_seconds"), "{name} has no unit");
    // Buckets grow, and the last one holds all.
    for (series, count) in family
        .series
        .iter()
        .filter(|(series, _)| series.contains("le=\"+Inf\""))
    {
        let labels = series.split_once('{').map_or("", |(_, labels)| labels);
        let others = labels.trim_end_matches('}').replace("le=\"+Inf\"", "");
        let others = others.trim_matches(',');
        let total = if others.is_empty() {
            format!("{name}_count")
        } else {
            format!("{name}_count{{{others}}}")
        };
        assert_eq!(family.series.get(&total), Some(count), "{series}");
    }
}
