//! How long replicas of a task take.

/// Buckets of [`Durations`]: 2^(n/4) ms, the last is about a day.
const DURATION_BUCKETS: usize = 108;

/// How long replicas of a task took from placement to result: a histogram with four buckets per doubling, so that the
/// median costs no memory per replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Durations {
    buckets: Box<[u32; DURATION_BUCKETS]>,
    pub(crate) count: u32,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            buckets: Box::new([0; DURATION_BUCKETS]),
            count: 0,
        }
    }
}

impl Durations {
    pub(crate) fn add(&mut self, ms: u64) {
        let ms = ms.max(1);
        let doubling = u64::from(63 - ms.leading_zeros());
        // The two bits after the leading one are the quarter of the doubling.
        let quarter = ((ms << 2) >> doubling) & 3;
        let at = (doubling * 4 + quarter).min(DURATION_BUCKETS as u64 - 1) as usize;
        if let Some(bucket) = self.buckets.get_mut(at) {
            *bucket += 1;
            self.count += 1;
        }
    }
    /// Upper end of the bucket that holds the median, in milliseconds.
    pub(crate) fn median_ms(&self) -> Option<u64> {
        let mut left = self.count.div_ceil(2);
        if left == 0 {
            return None;
        }
        for (at, count) in self.buckets.iter().enumerate() {
            if *count >= left {
                let (doubling, quarter) = (at as u64 / 4, at as u64 % 4);
                return Some(((5 + quarter) << doubling) / 4);
            }
            left -= count;
        }
        None
    }
}
