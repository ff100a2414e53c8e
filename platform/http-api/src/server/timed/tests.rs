//! Patience, on a clock of its own.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_silent_client_is_cut() {
    let (ours, theirs) = tokio::io::duplex(8);
    let error = Timed::new(ours, PATIENCE).read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(theirs);
}

#[tokio::test]
async fn a_client_that_spoke_once_may_be_silent() {
    let (ours, mut theirs) = tokio::io::duplex(8);
    let mut ours = Timed::new(ours, PATIENCE);
    theirs.write_u8(7).await.unwrap();
    assert_eq!(ours.read_u8().await.unwrap(), 7);
    let waited = tokio::time::timeout(4 * PATIENCE, ours.read_u8()).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let (ours, theirs) = tokio::io::duplex(8);
    let error = Timed::new(ours, PATIENCE).write_all(&[0; 64]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(theirs);
}
