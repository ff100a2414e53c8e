//! What peers say. Everything here comes from strangers: what does not fit is logged and dropped, never trusted.

use super::{Core, Peer};
use crate::context::{Arrived, Ran as RanBatch};
use crate::effects::Effect;
use crate::worker::WorkerInput;
use job_model::event::ReplicaResult;
use job_model::limits::{MAX_BATCH_REPLICAS, MAX_FRAME_BYTES};
use job_model::message::{AssignBatch, ResultBatch};
use job_model::{Message, NodeId, Outcome, Output, TaskId};
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
                self.forget_listener(&peer);
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
            PeerEvent::Fork { fork, .. } => self.on_fork(*fork),
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
            Message::SettleRefused { seq, why } => self.on_settle_refused(from, seq, why),
            Message::Records { halves, answer } => self.on_records(from, &halves, answer),
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
        if let Some(batch) = self.admit(from, batch) {
            self.effect(Effect::Worker(WorkerInput::Assign { requester: from, batch }));
        }
    }

    /// Our worker ran replicas: what they cost is written down before the requester hears of them.
    pub fn on_ran(&mut self, ran: RanBatch) {
        if ran.requester != self.me {
            self.remember_ran(&ran);
            return self.send_ran(ran.requester, ran.task, ran.results);
        }
        self.on_arrived(Arrived {
            worker: self.me,
            task: ran.task,
            results: ran.results,
            lost: Vec::new(),
            why: String::new(),
        });
    }

    /// Results for a requester, in messages that fit.
    pub(super) fn send_ran(&mut self, requester: NodeId, task: TaskId, results: Vec<ReplicaResult>) {
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
