//! Token buckets against those who talk too much. Pure: time is passed in. Owned by the gossip task; forgotten with it.

use job_model::NodeId;
use std::collections::BTreeMap;
use std::time::Instant;

/// Messages a neighbour may bring at once: the announcements of a whole network after a join.
const NEIGHBOUR_BURST: f64 = 4096.0;
/// Messages per second a neighbour may bring: bounds the CPU for signatures at a few percent of a core.
const NEIGHBOUR_PER_SECOND: f64 = 500.0;
/// Statements one author may make at once: all its jobs and some adverts.
const AUTHOR_BURST: f64 = 512.0;
/// Statements per second one author may make: four adverts and its jobs in turn.
const AUTHOR_PER_SECOND: f64 = 12.0;
/// Most buckets kept of a kind. Beyond, the one unused for longest is forgotten (and is full when it comes again).
const MAX_BUCKETS: usize = 4096;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

#[derive(Debug)]
struct Kind {
    burst: f64,
    per_second: f64,
    buckets: BTreeMap<NodeId, Bucket>,
}

impl Kind {
    fn take(&mut self, node: NodeId, now: Instant) -> bool {
        if self.buckets.len() >= MAX_BUCKETS
            && !self.buckets.contains_key(&node)
            && let Some(oldest) = self
                .buckets
                .iter()
                .min_by_key(|(_, bucket)| bucket.at)
                .map(|(node, _)| *node)
        {
            self.buckets.remove(&oldest);
        }
        let bucket = self.buckets.entry(node).or_insert(Bucket {
            tokens: self.burst,
            at: now,
        });
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        bucket.tokens = (bucket.tokens + gained).min(self.burst);
        bucket.at = now;
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }
}

/// The buckets of neighbours and authors.
#[derive(Debug)]
pub(crate) struct Rates {
    neighbours: Kind,
    authors: Kind,
}

impl Default for Rates {
    fn default() -> Self {
        let kind = |burst, per_second| Kind {
            burst,
            per_second,
            buckets: BTreeMap::new(),
        };
        Self {
            neighbours: kind(NEIGHBOUR_BURST, NEIGHBOUR_PER_SECOND),
            authors: kind(AUTHOR_BURST, AUTHOR_PER_SECOND),
        }
    }
}

impl Rates {
    /// Whether this neighbour may bring another message.
    pub fn neighbour_may(&mut self, node: NodeId, now: Instant) -> bool {
        self.neighbours.take(node, now)
    }

    /// Whether this author, its signature checked, may make another statement.
    pub fn author_may(&mut self, node: NodeId, now: Instant) -> bool {
        self.authors.take(node, now)
    }
}
