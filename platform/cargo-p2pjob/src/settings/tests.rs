//! Layers over each other, and what is wrong with them.

use super::*;
use crate::environment::Environment;
use node::config::NodeConfig;

fn assignment(path: &str, value: toml::Value, origin: Origin) -> Assignment {
    Assignment {
        path: path.to_owned(),
        value,
        origin,
    }
}

fn file_layer(text: &str) -> Layer {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    file::read(&path).unwrap()
}

fn paths(table: &toml::Table, prefix: &str, found: &mut Vec<String>) {
    for (name, value) in table {
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            toml::Value::Table(below) => paths(below, &path, found),
            _ => found.push(path),
        }
    }
}

#[test]
fn the_list_of_keys_is_the_configuration() {
    let mut config = NodeConfig {
        jobs_dir: Some("jobs".into()),
        cache_dir: Some("cache".into()),
        ..NodeConfig::default()
    };
    config.network.allow = Some(Vec::new());
    config.store.quota_bytes = Some(1);
    config.http.listen = Some(([127, 0, 0, 1], 1).into());
    config.http.tls_cert = Some("cert.pem".into());
    config.http.tls_key = Some("key.pem".into());
    config.history.url = Some("sqlite:/h".to_owned());
    config.telemetry.otlp_endpoint = Some("http://127.0.0.1:1".to_owned());
    config.logs.dir = Some("logs".into());
    let mut fields = Vec::new();
    paths(&toml::Table::try_from(config).unwrap(), "", &mut fields);
    let mut known: Vec<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    fields.sort();
    known.sort();
    assert_eq!(fields, known);
}

#[test]
fn later_layers_win_and_are_the_origin() {
    let variable = Origin::Environment("P2PJOB_WORKER__SLOTS".to_owned());
    let layers = vec![
        assignment("worker.slots", 2.into(), Origin::File("a.toml".into())),
        assignment("network.name", "lab".into(), Origin::File("a.toml".into())),
        assignment("worker.slots", 3.into(), variable.clone()),
    ];
    let (settings, problems) = Settings::merge(layers).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        (settings.config.worker.slots, settings.config.network.name.as_str()),
        (3, "lab")
    );
    assert_eq!(settings.origin("worker.slots"), variable);
    assert_eq!(settings.origin("network.name"), Origin::File("a.toml".into()));
    assert_eq!(settings.origin("worker.queue"), Origin::Default);
}

#[test]
fn all_wrong_values_are_told_with_path_and_origin() {
    let layers = vec![
        assignment("worker.slots", "many".into(), Origin::Flag),
        assignment("network.listen", "nowhere".into(), Origin::File("a.toml".into())),
        assignment("worker.queue", 7.into(), Origin::Flag),
        assignment("network", 5.into(), Origin::File("a.toml".into())),
    ];
    let (settings, problems) = Settings::merge(layers).unwrap();
    assert_eq!(settings.config.worker.queue, 7);
    let texts: Vec<&str> = problems.iter().map(|problem| problem.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "worker.slots (flag): invalid type: string \"many\", expected u32",
            "network.listen (file a.toml): invalid socket address syntax",
            "network (file a.toml): invalid type: integer `5`, expected struct NetworkSection",
        ]
    );
}

#[test]
fn unknown_keys_of_a_file_are_told_with_their_path() {
    let layer = file_layer(
        "dta_dir = 'x'\n[network]\nlissten = '127.0.0.1:1'\nname = 'lab'\n[colours]\nx = 1\n\
         [[network.bootstrap]]\nnode = '0000000000000000000000000000000000000000000000000000000000000000'\n\
         address = '127.0.0.1:9'\nport = 9\n",
    );
    let texts: Vec<String> = layer.problems.iter().map(|problem| problem.text.clone()).collect();
    let told = |part: &str| texts.iter().any(|text| text.contains(part));
    assert!(told("dta_dir (file"), "{texts:?}");
    assert!(told("did you mean data_dir?"), "{texts:?}");
    assert!(told("network.lissten (file"), "{texts:?}");
    assert!(told("colours (file"), "{texts:?}");
    assert!(told("network.bootstrap.0.port (file"), "{texts:?}");
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(layer.assignments.iter().any(|known| known.path == "network.name"));
}

#[test]
fn variables_are_read_by_the_kind_of_their_key() {
    let environment = Environment::of(&[
        ("P2PJOB_DATA_DIR", "/data"),
        ("P2PJOB_NETWORK__NAME", "123"),
        ("P2PJOB_WORKER__SLOTS", "4"),
        ("P2PJOB_WORKER__ENABLED", "false"),
        ("P2PJOB_NETWORK__ALLOW", "[]"),
        ("P2PJOB_LOG", "debug"),
        ("P2PJOB_WORKER__SLOT", "4"),
        ("HOME", "/root"),
    ]);
    let layer = super::environment::read(&environment);
    assert_eq!(
        layer.problems,
        [Problem::unknown(
            "worker.slot",
            &Origin::Environment("P2PJOB_WORKER__SLOT".to_owned())
        )]
    );
    let (settings, problems) = Settings::merge(layer.assignments).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(settings.config.data_dir, std::path::Path::new("/data"));
    assert_eq!(settings.config.network.name, "123");
    assert_eq!(
        (settings.config.worker.slots, settings.config.worker.enabled),
        (4, false)
    );
    assert_eq!(settings.config.network.allow, Some(Vec::new()));
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "data_dir = \n").unwrap();
    let error = file::read(&path).unwrap_err();
    assert_eq!(error.exit, Exit::BadInput);
    assert!(error.message.contains("line 1"), "{error}");
}

#[test]
fn each_key_has_its_variable() {
    assert_eq!(
        variable_of("network.idle_timeout_ms"),
        "P2PJOB_NETWORK__IDLE_TIMEOUT_MS"
    );
}

#[test]
fn the_documentation_lists_every_key() {
    let text = include_str!("../../../../docs/configuration.md");
    for key in KEYS {
        let row = format!("| `{}` | {} |", key.path, key.meaning);
        assert!(text.contains(&row), "docs/configuration.md lacks: {row}");
    }
}
