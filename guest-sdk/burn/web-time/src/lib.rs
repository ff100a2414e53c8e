//! A clock that counts its own calls: a sandbox has no time, and burn only wants instants that do not go back.

use core::ops::{Add, AddAssign, Sub, SubAssign};
use core::sync::atomic::{AtomicU64, Ordering};

pub use core::time::Duration;

static CALLS: AtomicU64 = AtomicU64::new(0);

fn now() -> Duration {
    Duration::from_nanos(CALLS.fetch_add(1, Ordering::Relaxed))
}

macro_rules! instants {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Duration);

        impl $name {
            /// One nanosecond after the last one.
            pub fn now() -> Self {
                Self(now())
            }

            /// Time up to this one; none if it is earlier.
            pub fn checked_add(&self, time: Duration) -> Option<Self> {
                self.0.checked_add(time).map(Self)
            }

            /// The other way.
            pub fn checked_sub(&self, time: Duration) -> Option<Self> {
                self.0.checked_sub(time).map(Self)
            }
        }

        impl Add<Duration> for $name {
            type Output = Self;
            fn add(self, time: Duration) -> Self {
                Self(self.0 + time)
            }
        }

        impl Sub<Duration> for $name {
            type Output = Self;
            fn sub(self, time: Duration) -> Self {
                Self(self.0.saturating_sub(time))
            }
        }

        impl AddAssign<Duration> for $name {
            fn add_assign(&mut self, time: Duration) {
                *self = *self + time;
            }
        }

        impl SubAssign<Duration> for $name {
            fn sub_assign(&mut self, time: Duration) {
                *self = *self - time;
            }
        }
    )*};
}

instants! {
    /// A point of the counted time.
    Instant,
    /// The same as a date; the count begins in 1970.
    SystemTime
}

/// The beginning of the count.
pub const UNIX_EPOCH: SystemTime = SystemTime(Duration::ZERO);

impl Instant {
    /// Time since this instant.
    pub fn elapsed(&self) -> Duration {
        now().saturating_sub(self.0)
    }

    /// Time since an earlier instant, else none.
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Time since an earlier instant.
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }

    /// Time since an earlier instant, else zero.
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}
