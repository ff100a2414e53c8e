//! What peers say. Everything here comes from strangers: what does not fit is logged and dropped, never trusted.

use super::{Core, Peer};
use crate::context::{Arrived, Ran as RanBatch};
use crate::effects::Effect;
use crate::journal::ran_key;
use crate::worker::{WorkerInput, no_verdict};
use job_model::codec;
use job_model::event::ReplicaResult;
use job_model::limits::{MAX_BATCH_REPLICAS, MAX_FRAME_BYTES};
use job_model::message::{AssignBatch, ResultBatch};
use job_model::{Message, NoVerdict, NodeId, Outcome, Output, TaskId};
use market::Ran;
use peer_network::PeerEvent;
use scheduler::Input;

/// A result message is closed at this size, in bytes: room for the largest result under the frame limit.
const RESULT_BYTES: usize = MAX_FRAME_BYTES / 2;

impl Core {
    /// Something happened between us and another node.
    pub fn on_peer(&mut self, event: PeerEvent) {
        match event {
            PeerEvent::Up {
                peer,
                agent,
                addr,
                rtt_us,
                advert,
            } => {
                tracing::info!(node = %peer.short(), %agent, "peer is up");
                self.on_advert(peer, advert);
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.connected = true;
                    known.agent = agent;
                    known.rtt_us = u32::try_from(rtt_us).unwrap_or(u32::MAX);
                    known.gone = String::new();
                    if let Some(addr) = addr.filter(|addr| !known.addresses.contains(addr)) {
                        known.addresses.push(addr);
                    }
                }
                self.forget_quotes_of(peer);
                self.schedule(Input::WorkerUp { worker: peer });
                self.refresh_quotes();
                self.resend_settlements(peer);
            }
            PeerEvent::Down { peer, why } => {
                tracing::info!(node = %peer.short(), %why, "peer is down");
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.connected = false;
                    known.gone = why;
                }
                self.forget_quotes_of(peer);
                self.schedule(Input::WorkerDown { worker: peer });
                self.effect(Effect::Worker(WorkerInput::RequesterDown { requester: peer }));
            }
            PeerEvent::Message { from, message, .. } => self.on_message(from, message),
            PeerEvent::Advert { node, advert } if node != self.me => self.on_advert(node, advert),
            PeerEvent::Advert { .. } => {}
            PeerEvent::Job { publisher, advert } => {
                if publisher != self.me {
                    self.jobs.hear(publisher, advert);
                }
            }
            PeerEvent::Misbehaved { peer, why } => tracing::warn!(node = %peer.short(), %why, "peer broke the rules"),
            PeerEvent::Refused { peer, why } => {
                tracing::warn!(node = %peer.short(), %why, "no connection");
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.gone = why;
                }
            }
        }
    }

    /// A message, from a peer or from this node to itself.
    pub fn on_message(&mut self, from: NodeId, message: Message) {
        match message {
            Message::QuoteRequest {
                job,
                priority,
                requirements,
            } => {
                self.on_quote_request(from, job, priority, &requirements);
            }
            Message::QuoteOffer(quote) => self.on_quote(from, &quote),
            Message::QuoteRefused { job, priority, why } => self.on_quote_refused(from, job, priority, why),
            Message::Assign(batch) => self.on_assign(from, batch),
            Message::Results(batch) => self.on_results(from, *batch),
            Message::Cancel { task, replicas, .. } => {
                self.effect(Effect::Worker(WorkerInput::Cancel {
                    requester: from,
                    task,
                    replicas,
                }));
            }
            Message::Settle { half, lines } => self.on_settle(from, &half, &lines),
            Message::Settled { half } => self.on_settled(from, &half),
            Message::SettleRefused { seq, why } => {
                tracing::warn!(node = %from.short(), seq, %why, "the worker does not sign our settlement");
            }
            Message::WhoHas { hash } => self.effect(Effect::AnswerWhoHas { to: from, hash }),
            Message::Have { hash, size } => self.effect(Effect::Have { from, hash, size }),
            Message::Hello(_) | Message::Bye { .. } => {}
        }
    }

    fn on_assign(&mut self, from: NodeId, mut batch: Box<AssignBatch>) {
        if batch.replicas.len() > MAX_BATCH_REPLICAS {
            let (count, node) = (batch.replicas.len(), from.short());
            tracing::warn!(%node, count, "assignment cut to {MAX_BATCH_REPLICAS} replicas");
            batch.replicas.truncate(MAX_BATCH_REPLICAS);
        }
        let quoted = from == self.me
            || self
                .market
                .issued_rates(&from, &batch.job, batch.quote, self.now)
                .is_ok();
        if quoted {
            self.effect(Effect::Worker(WorkerInput::Assign { requester: from, batch }));
            return;
        }
        let why = format!(
            "quote {} is not known here or has ended; ask for a new one",
            batch.quote
        );
        let refused =
            |a: &job_model::message::Assignment| no_verdict((a.chunk, a.attempt), NoVerdict::Refused(why.clone()));
        let results = batch.replicas.iter().map(refused).collect();
        let AssignBatch { task, job, quote, .. } = *batch;
        self.on_ran(RanBatch {
            requester: from,
            task,
            job,
            quote,
            results,
        });
    }

    /// Our worker ran replicas: what they cost is written down before the requester hears of them.
    pub fn on_ran(&mut self, ran: RanBatch) {
        let RanBatch {
            requester,
            task,
            job,
            quote,
            results,
        } = ran;
        if requester == self.me {
            return self.on_arrived(Arrived {
                worker: self.me,
                task,
                results,
                lost: Vec::new(),
                why: String::new(),
            });
        }
        if let Ok(rates) = self.market.issued_rates(&requester, &job, quote, self.now) {
            for result in &results {
                let Some(vote) = result.outcome.vote() else { continue };
                let usage = &result.usage;
                let bytes = usage.input_bytes.saturating_add(usage.output_bytes);
                let ran = Ran {
                    vote,
                    fuel: usage.fuel,
                    bytes,
                    price: rates.price(usage),
                };
                self.batch
                    .ran
                    .push((ran_key(&task, result.chunk, result.attempt), codec::encode(&ran)));
            }
        }
        let mut part = Vec::new();
        let mut bytes = 0;
        for result in results {
            bytes += 160 + result.log.len() + result.metrics.size_bytes() + outcome_bytes(&result.outcome);
            part.push(result);
            if bytes >= RESULT_BYTES || part.len() >= MAX_BATCH_REPLICAS {
                self.send_results(requester, task, std::mem::take(&mut part));
                bytes = 0;
            }
        }
        if !part.is_empty() {
            self.send_results(requester, task, part);
        }
    }

    fn send_results(&mut self, requester: NodeId, task: TaskId, results: Vec<ReplicaResult>) {
        let claim = ResultBatch::claim(&task, &self.profile, &results);
        let signature = self.key.sign(ResultBatch::DOMAIN, &claim);
        let batch = ResultBatch {
            task,
            profile: self.profile,
            results,
            signature,
        };
        self.send(requester, Message::Results(Box::new(batch)));
    }

    /// Whether a peer is connected.
    pub fn is_connected(&self, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer: &Peer| peer.connected)
    }
}

fn outcome_bytes(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Value(Output::Inline(bytes)) => bytes.len(),
        Outcome::GuestError(text) | Outcome::Trap { detail: text, .. } => text.len(),
        Outcome::NoVerdict(_) => 256,
        Outcome::Value(Output::Blob { .. }) | Outcome::OutOfFuel => 48,
    }
}
