//! Bodies in motion: a request's body must come at a pace and has an end; a stream of events ends with its caller.

use crate::problem::Problem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Slowest pace of a body over time, in bytes per second: a byte now and then is no upload.
const MIN_BYTES_PER_SECOND: u64 = 1_024;

/// What went wrong with a request's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It paused too long, or is too slow altogether.
    Slow,
    /// It is larger than allowed.
    TooLarge,
}

impl Fault {
    /// As an answer.
    pub fn problem(self, pause: Duration, limit: u64) -> Problem {
        match self {
            Self::TooLarge => Problem::too_large(limit),
            Self::Slow => {
                let detail = format!(
                    "the body paused for more than {} ms, or came slower than {MIN_BYTES_PER_SECOND} bytes/s",
                    pause.as_millis()
                );
                let remedy = "send it again; http.read_timeout_ms sets the limit";
                Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", detail, remedy)
            }
        }
    }
}

/// Says what went wrong with a body, after its handler has ended.
#[derive(Clone, Debug, Default)]
pub struct FaultCell(Arc<AtomicU8>);

impl FaultCell {
    /// What went wrong, if anything.
    pub fn get(&self) -> Option<Fault> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Fault::Slow),
            _ => Some(Fault::TooLarge),
        }
    }

    fn set(&self, fault: Fault) {
        self.0
            .store(if fault == Fault::Slow { 1 } else { 2 }, Ordering::Release);
    }
}

/// The declared length of a body.
pub fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Puts pace and limit around a request's body. Only time that the client lets us wait counts.
pub fn pace(request: Request, pause: Duration, limit: u64) -> (Request, FaultCell) {
    let fault = FaultCell::default();
    if request.body().is_end_stream() {
        return (request, fault);
    }
    let cell = fault.clone();
    let request = request.map(|body| {
        Body::new(Paced {
            body,
            pause,
            limit,
            fault: cell,
            received: 0,
            waited: Duration::ZERO,
            waiting: None,
        })
    });
    (request, fault)
}

struct Paced {
    body: Body,
    pause: Duration,
    limit: u64,
    fault: FaultCell,
    received: u64,
    /// How long the client has let us wait, over all pauses.
    waited: Duration,
    /// Since when we wait, and until when we do.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Paced {
    /// How long the next pause may be.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.received / MIN_BYTES_PER_SECOND);
        self.pause.min((self.pause + earned).saturating_sub(self.waited))
    }

    fn fail<T>(&self, fault: Fault) -> Poll<Option<Result<T, axum::Error>>> {
        self.fault.set(fault);
        let text = if fault == Fault::Slow {
            "the body is too slow"
        } else {
            "the body is too large"
        };
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(text)))))
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some((since, _)) = self.waiting.take() {
                self.waited += since.elapsed();
            }
            let data = frame
                .as_ref()
                .and_then(|frame| frame.as_ref().ok())
                .and_then(Frame::data_ref);
            self.received += data.map_or(0, |data| data.len() as u64);
            return if self.received > self.limit {
                self.fail(Fault::TooLarge)
            } else {
                Poll::Ready(frame)
            };
        }
        let patience = self.patience();
        let (_, sleep) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(patience))));
        ready!(sleep.as_mut().poll(cx));
        self.fail(Fault::Slow)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether an answer is an endless stream of events.
pub fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A body that ends, cleanly, when a future does.
pub fn ending(body: Body, end: impl Future<Output = ()> + Send + 'static) -> Body {
    Body::new(Ending {
        body,
        end: Box::pin(end),
        over: false,
    })
}

struct Ending {
    body: Body,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    over: bool,
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.over || self.end.as_mut().poll(cx).is_ready() {
            self.over = true;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

#[cfg(test)]
mod tests;
