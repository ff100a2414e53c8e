//! What only SQLite can do wrong. Everything both databases do is tested in `tests/it/history.rs`, on both.

use crate::{ErrorClass, History, HistoryError};

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(
        &path,
        "not a database at all, but long enough to have a header ".repeat(40),
    )
    .unwrap();
    let error = History::open(&format!("sqlite:{}", path.display())).await.unwrap_err();
    assert!(matches!(error, HistoryError::Schema { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.txt"), "{error}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_no_place() {
    let error = History::open("sqlite:/nowhere/at/all/history.db").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::BadInput, "{error:?}");
    assert!(error.to_string().contains("/nowhere/at/all/history.db"), "{error}");
}

#[tokio::test]
async fn reading_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let url = format!("sqlite:{}", path.display());
    let error = History::attach(&url).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound, "{error:?}");
    assert!(!path.exists());
    // A database of somebody else.
    std::fs::write(&path, "").unwrap();
    let error = History::attach(&url).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound, "{error:?}");
    let made = History::open(&url).await.unwrap();
    History::attach(&url).await.unwrap().close().await;
    made.close().await;
    let path = dir.path().join("new.db");
    History::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap()
        .close()
        .await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(format!("{made:?}"), format!("History({url:?})"));
}
