//! URLs, and that no password gets out.

use super::*;

const SECRET: &str = "hunter2/%40x";

#[test]
fn a_wrong_scheme_is_named_and_nothing_else_of_it() {
    for url in [
        "mysql://me:hunter2@host/db",
        "hunter2",
        "",
        "sqlite:",
        "sqlite::memory:",
        "postgres:hunter2",
    ] {
        let error = Target::parse(url).err().unwrap().to_string();
        assert!(error.contains("postgres://USER:PASSWORD@HOST/DATABASE"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = Target::parse("mysql://me:x@host/db").err().unwrap().to_string();
    assert!(error.contains("\"mysql\""), "{error}");
}

#[test]
fn a_password_is_hidden_wherever_it_stands() {
    let urls = [
        "postgres://me:hunter2@host:99999/db".to_owned(),
        format!("postgres://me:{SECRET}@host/db?sslmode=hunter2"),
        "postgres://me@host/db?pasword=hunter2".to_owned(),
        "postgres://me@host/db?port=hunter2&password=hunter2".to_owned(),
    ];
    for url in urls {
        let error = Target::parse(&url)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(!error.contains("hunter2"), "{url}: {error}");
    }
    let target = Target::parse("postgres://me:p%40ss@host:5433/work").ok().unwrap();
    assert_eq!(target.shown(), "postgres://me@host:5433/work");
    let told = target.explain(sqlx::Error::Protocol("p@ss and p%40ss".to_owned()));
    assert!(!told.to_string().contains("p@ss"), "{told}");
    assert!(!told.to_string().contains("p%40ss"), "{told}");
}

#[test]
fn the_default_is_a_file_in_the_data_directory() {
    let dir = Path::new("/data");
    assert_eq!(url_of(None, dir), "sqlite:/data/history.db");
    assert_eq!(url_of(Some("sqlite:old.db"), dir), "sqlite:/data/old.db");
    assert_eq!(url_of(Some("sqlite:///var/h.db"), dir), "sqlite:/var/h.db");
    assert_eq!(url_of(Some("postgres://h/d"), dir), "postgres://h/d");
}
