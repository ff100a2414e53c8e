//! Webhooks, as a front sees them.

use super::requests;
use super::types::{Delivery, DeliveryPage, DeliveryState, HookReport, HookSpec, TestReport};
use crate::api::Api;
use crate::control::protocol::ControlError;

impl Api {
    /// Makes a hook; the answer holds its secret, this once.
    pub async fn add_webhook(&self, spec: HookSpec) -> Result<HookReport, ControlError> {
        requests::add(self.context(), spec).await
    }

    /// All hooks, the oldest first.
    pub async fn webhooks(&self) -> Result<Vec<HookReport>, ControlError> {
        requests::list(self.context()).await
    }

    /// One hook.
    pub async fn webhook(&self, id: &str) -> Result<HookReport, ControlError> {
        requests::one(self.context(), id).await
    }

    /// Forgets a hook and its deliveries.
    pub async fn remove_webhook(&self, id: String) -> Result<(), ControlError> {
        requests::remove(self.context(), id).await
    }

    /// Sends a `ping` now and says what came back.
    pub async fn test_webhook(&self, id: String) -> Result<TestReport, ControlError> {
        requests::test(self.context(), id).await
    }

    /// Deliveries of one state or all, newest first, with numbers below `before`, at most `limit` (1 to 500).
    pub async fn deliveries(
        &self,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<DeliveryPage, ControlError> {
        requests::deliveries(self.context(), state, before, limit).await
    }

    /// Sends a dead letter again, or a waiting one now.
    pub async fn resend_delivery(&self, id: &str) -> Result<Delivery, ControlError> {
        requests::resend(self.context(), id).await
    }
}
