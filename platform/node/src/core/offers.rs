//! Quotes of other nodes, and what they make of each node for each task: the scheduler's candidates.

use super::Core;
use crate::effects::Effect;
use job_model::sign::Signed;
use job_model::{Event, JobId, Message, MicroCredits, NodeId, Priority, Quote, Rates, TaskId, UnixMillis};
use market::QuoteAsk;
use scheduler::{Candidate, Ineligible, Input};
use std::collections::BTreeMap;

/// A quote is asked for again this long before it ends, in milliseconds.
const RENEW_BEFORE_MS: u64 = 10_000;
/// An unanswered or refused request is repeated after this, in milliseconds.
const ASK_AGAIN_MS: u64 = 2_000;

type Key = (NodeId, JobId, Priority);

#[derive(Clone, Debug)]
enum State {
    Asked(UnixMillis),
    Offered(Quote),
    Refused(String, UnixMillis),
}

/// What nodes offered.
#[derive(Default, Debug)]
pub struct QuoteBook {
    states: BTreeMap<Key, State>,
}

/// One node's standing offer for a job.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The node.
    pub node: NodeId,
    /// Its prices and sandboxes, if it offers.
    pub quote: Option<(Rates, u32)>,
    /// Expected price of one replica.
    pub expected: MicroCredits,
    /// Why it does not offer.
    pub refused: Option<String>,
}

impl Core {
    /// Asks every connected worker for a quote for a task's job.
    pub(super) fn request_quotes_for(&mut self, task: TaskId) {
        let Some(entry) = self.tasks.get(&task) else { return };
        let spec = std::sync::Arc::clone(&entry.spec);
        self.request_quotes(spec.job, spec.config.priority, &spec.requirements);
    }

    /// Asks every connected worker, and our own, for a quote where none stands.
    pub fn request_quotes(&mut self, job: JobId, priority: Priority, requirements: &job_model::Requirements) {
        if self.config.worker.enabled && self.config.worker.run_own_tasks {
            self.quote_ourselves(job, priority);
        }
        let connected = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.connected && peer.capability.worker);
        let nodes: Vec<NodeId> = connected.map(|(node, _)| *node).collect();
        for node in nodes {
            let due = match self.quotes.states.get(&(node, job, priority)) {
                None => true,
                Some(State::Offered(quote)) => quote.expires.since(self.now) < RENEW_BEFORE_MS,
                Some(State::Asked(at) | State::Refused(_, at)) => self.now.since(*at) >= ASK_AGAIN_MS,
            };
            if !due {
                continue;
            }
            if !matches!(self.quotes.states.get(&(node, job, priority)), Some(State::Offered(_))) {
                self.quotes.states.insert((node, job, priority), State::Asked(self.now));
            }
            let requirements = requirements.clone();
            self.send(
                node,
                Message::QuoteRequest {
                    job,
                    priority,
                    requirements,
                },
            );
        }
    }

    /// A node pays itself nothing.
    fn quote_ourselves(&mut self, job: JobId, priority: Priority) {
        let key = (self.me, job, priority);
        if let Some(State::Offered(quote)) = self.quotes.states.get(&key)
            && quote.expires.since(self.now) >= RENEW_BEFORE_MS
        {
            return;
        }
        let ask = QuoteAsk {
            requester: self.me,
            job,
            priority,
            profile: self.profile,
            slots: self.slots,
        };
        let mut quote = self.market.issue_quote(&ask, self.now);
        quote.rates = Rates::default();
        self.quotes.states.insert(key, State::Offered(quote.clone()));
        self.emit(Event::QuoteReceived { quote: Box::new(quote) });
    }

    /// Open tasks whose chunks are known.
    fn planned_tasks(&self) -> Vec<TaskId> {
        let planned = self.tasks.open().filter(|(_, entry)| entry.plan.is_some());
        planned.map(|(task, _)| *task).collect()
    }

    /// Renews quotes of jobs that open tasks need.
    pub(super) fn refresh_quotes(&mut self) {
        for task in self.planned_tasks() {
            self.request_quotes_for(task);
        }
    }

    pub(super) fn on_quote(&mut self, from: NodeId, signed: &Signed<Quote>) {
        let quote = match signed.open() {
            Ok(quote) => quote,
            Err(error) => return tracing::warn!(node = %from.short(), %error, "quote dropped"),
        };
        if signed.node != from || quote.worker != from || quote.requester != self.me {
            return tracing::warn!(node = %from.short(), "quote dropped: it is not from its sender to this node");
        }
        self.quotes
            .states
            .insert((from, quote.job, quote.priority), State::Offered(quote.clone()));
        self.emit(Event::QuoteReceived { quote: Box::new(quote) });
        self.offers_due = true;
    }

    pub(super) fn on_quote_refused(&mut self, from: NodeId, job: JobId, priority: Priority, why: String) {
        self.quotes
            .states
            .insert((from, job, priority), State::Refused(why, self.now));
        self.offers_due = true;
    }

    /// A worker restarted, or says it does not know our quote.
    pub(super) fn forget_quotes_of(&mut self, node: NodeId) {
        self.quotes.states.retain(|(worker, _, _), _| *worker != node);
        self.offers_due = true;
    }

    /// Tells the scheduler who could run each open task.
    pub(super) fn refresh_offers(&mut self) {
        for task in self.planned_tasks() {
            let offers = self.candidates(task);
            self.schedule(Input::Offers { task, offers });
        }
    }

    fn candidates(&self, task: TaskId) -> Vec<Candidate> {
        let Some(entry) = self.tasks.get(&task) else {
            return Vec::new();
        };
        let (job, priority) = (entry.spec.job, entry.spec.config.priority);
        let mut list: Vec<Candidate> = self
            .peers
            .keys()
            .map(|node| self.candidate(*node, job, priority))
            .collect();
        if self.config.worker.enabled && self.config.worker.run_own_tasks {
            let mut own = self.candidate(self.me, job, priority);
            own.local_inputs = (0..u32::try_from(entry.spec.inputs.len()).unwrap_or(0)).collect();
            list.push(own);
        }
        list
    }

    fn candidate(&self, node: NodeId, job: JobId, priority: Priority) -> Candidate {
        let own = node == self.me;
        let peer = self.peers.get(&node);
        let mut candidate = Candidate {
            node,
            quote: 0,
            slots: self.slots,
            hold: MicroCredits::ZERO,
            credit: if own {
                MicroCredits::MAX
            } else {
                self.market.credit_left(&node)
            },
            price: MicroCredits::ZERO,
            queued: peer.map_or(0, |peer| peer.load.queued),
            rtt_us: peer.map_or(0, |peer| peer.rtt_us),
            memory_bytes: peer.map_or(self.config.worker.memory_bytes, |peer| peer.capability.memory_bytes),
            disk_bytes: peer.map_or(u64::MAX, |peer| peer.capability.disk_bytes),
            profile: peer.map_or(self.profile, |peer| peer.capability.profile),
            fast: peer.map_or(self.fast, |peer| peer.capability.fast()),
            local_inputs: Vec::new(),
            eligible: Ok(()),
        };
        candidate.eligible = match peer {
            Some(peer) if !peer.connected => Err(Ineligible::Disconnected),
            Some(peer) if !peer.capability.worker => Err(Ineligible::NotAWorker),
            Some(peer) if peer.capability.profile != self.profile => Err(Ineligible::ProfileDiffers {
                ours: self.profile.short(),
                theirs: peer.capability.profile.short(),
            }),
            _ => Ok(()),
        };
        if self.market.is_banned(&node) {
            let why = "it forked its chain: the proof is in this node's ledger file".to_owned();
            candidate.eligible = Err(Ineligible::QuoteRefused { why });
        }
        if candidate.eligible.is_err() {
            return candidate;
        }
        match self.quotes.states.get(&(node, job, priority)) {
            Some(State::Offered(quote)) if quote.expires > self.now => {
                candidate.quote = quote.number;
                candidate.slots = quote.slots;
                candidate.hold = if own {
                    MicroCredits::ZERO
                } else {
                    self.market.estimate_hold(&job, &quote.rates)
                };
                candidate.price = if own {
                    MicroCredits::ZERO
                } else {
                    self.market.expected_price(&job, &quote.rates)
                };
            }
            Some(State::Offered(_)) => candidate.eligible = Err(Ineligible::QuoteExpired),
            Some(State::Refused(why, _)) => candidate.eligible = Err(Ineligible::QuoteRefused { why: why.clone() }),
            Some(State::Asked(_)) | None => candidate.eligible = Err(Ineligible::NoQuote),
        }
        candidate
    }

    /// What every node offers for a job now, and whether somebody has not answered yet.
    pub fn standing_offers(&self, job: JobId, priority: Priority) -> (Vec<Standing>, bool) {
        let mut nodes: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.connected)
            .map(|(node, _)| *node)
            .collect();
        if self.config.worker.enabled && self.config.worker.run_own_tasks {
            nodes.push(self.me);
        }
        let mut waiting = false;
        let offers = nodes
            .into_iter()
            .map(|node| {
                let candidate = self.candidate(node, job, priority);
                waiting |= candidate.eligible == Err(Ineligible::NoQuote);
                let quote = match self.quotes.states.get(&(node, job, priority)) {
                    Some(State::Offered(quote)) if candidate.eligible.is_ok() => Some((quote.rates, quote.slots)),
                    _ => None,
                };
                let refused = candidate.eligible.err().map(|why| why.to_string());
                Standing {
                    node,
                    quote,
                    expected: candidate.price,
                    refused,
                }
            })
            .collect();
        (offers, waiting)
    }

    /// A requester wants a price.
    pub(super) fn on_quote_request(
        &mut self,
        from: NodeId,
        job: JobId,
        priority: Priority,
        requirements: &job_model::Requirements,
    ) {
        let worker = &self.config.worker;
        let refusal = if !worker.enabled {
            Some("this node takes no replicas (worker.enabled = false)".to_owned())
        } else if requirements.memory_bytes > worker.memory_bytes {
            let (asked, most) = (requirements.memory_bytes, worker.memory_bytes);
            Some(format!(
                "a sandbox here has at most {most} bytes of memory, {asked} are asked for"
            ))
        } else if !self.market.may_earn() {
            Some("this node has as many credits as it may have".to_owned())
        } else {
            self.credit_refusal(&from, priority)
        };
        if let Some(why) = refusal {
            return self.send(from, Message::QuoteRefused { job, priority, why });
        }
        let ask = QuoteAsk {
            requester: from,
            job,
            priority,
            profile: self.profile,
            slots: self.slots,
        };
        let quote = self.market.issue_quote(&ask, self.now);
        let signed = Signed::new(&self.key, &quote);
        self.effect(Effect::Send {
            to: from,
            message: Message::QuoteOffer(Box::new(signed)),
        });
    }
}
