//! Bodies that come too slowly, too large, or too long.

use super::*;
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

const PAUSE: Duration = Duration::from_millis(60);

/// A request whose body comes from a channel.
fn request() -> (mpsc::Sender<Bytes>, Request) {
    let (sender, pieces) = mpsc::channel(8);
    let frames = ReceiverStream::new(pieces).map(|bytes| Ok::<_, std::convert::Infallible>(Frame::data(bytes)));
    (sender, Request::new(Body::new(StreamBody::new(frames))))
}

#[tokio::test]
async fn a_body_at_a_good_pace_passes() {
    let (sender, request) = request();
    let (request, fault) = pace(request, PAUSE, 10);
    sender.send(Bytes::from_static(b"01234")).await.unwrap();
    sender.send(Bytes::from_static(b"56789")).await.unwrap();
    drop(sender);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((body.as_ref(), fault.get()), (b"0123456789".as_ref(), None));
}

#[tokio::test]
async fn a_pause_ends_a_body() {
    let (sender, request) = request();
    let (request, fault) = pace(request, PAUSE, 10);
    sender.send(Bytes::from_static(b"0")).await.unwrap();
    assert!(request.into_body().collect().await.is_err());
    assert_eq!(fault.get(), Some(Fault::Slow));
    assert_eq!(Fault::Slow.problem(PAUSE, 10).status, 408);
}

#[tokio::test]
async fn drops_of_a_body_do_not_keep_it_open() {
    let (sender, request) = request();
    let (request, fault) = pace(request, PAUSE, 1_000);
    let dripping = tokio::spawn(async move {
        let mut tick = tokio::time::interval(PAUSE / 4);
        while sender.send(Bytes::from_static(b"0")).await.is_ok() {
            tick.tick().await;
        }
    });
    let read = tokio::time::timeout(20 * PAUSE, request.into_body().collect())
        .await
        .unwrap();
    assert!(read.is_err());
    assert_eq!(fault.get(), Some(Fault::Slow));
    dripping.await.unwrap();
}

#[tokio::test]
async fn a_body_over_its_limit_is_cut() {
    let (sender, request) = request();
    let (request, fault) = pace(request, PAUSE, 3);
    sender.send(Bytes::from_static(b"0123")).await.unwrap();
    assert!(request.into_body().collect().await.is_err());
    assert_eq!(fault.get(), Some(Fault::TooLarge));
}

#[tokio::test]
async fn a_stream_ends_with_its_caller() {
    let (sender, request) = request();
    let (over, end) = tokio::sync::oneshot::channel::<()>();
    let mut body = ending(request.into_body(), async move {
        let _ = end.await;
    });
    sender.send(Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap().as_ref(),
        b"one"
    );
    drop(over);
    sender.send(Bytes::from_static(b"two")).await.unwrap();
    assert!(body.frame().await.is_none());
    assert!(body.frame().await.is_none());
}
