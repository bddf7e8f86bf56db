//! Waiting before something is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Pauses of which each is twice as long as the one before, up to a limit, and cut at random to between a half and the
/// whole, so that those who stood in each other's way do not do so again.
pub(crate) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Pauses { next: first, longest }
    }

    pub(crate) async fn pause(&mut self) {
        // A fresh hasher is seeded at random.
        let cut = (RandomState::new().hash_one(self.next) % 512) as u32;
        tokio::time::sleep(self.next * (512 + cut) / 1024).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
