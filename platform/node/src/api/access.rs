//! Tokens and audit log, as a front uses them.

use super::Api;
use crate::access::{AuditLog, AuditPage, AuditProblem, AuditReport, MadeToken, NewToken, TokenReport, Tokens};
use crate::control::protocol::ControlError;
use crate::control::requests::internal;
use std::sync::Arc;

impl Api {
    /// The HTTP tokens. Checking one is cheap; [`Tokens::make`] and [`Tokens::revoke`] wait for the disk, so use
    /// [`Api::make_token`] and [`Api::revoke_token`].
    pub fn tokens(&self) -> &Tokens {
        &self.context().access.tokens
    }

    /// The audit log. [`AuditLog::append`] returns when the record is on disk.
    pub fn audit(&self) -> &AuditLog {
        &self.context().access.audit
    }

    /// Makes a token; its secret text is in the answer only.
    pub async fn make_token(&self, new: NewToken) -> Result<MadeToken, ControlError> {
        let tokens = Arc::clone(&self.context().access.tokens);
        let making = self.context().runtime.spawn_blocking(move || tokens.make(new));
        making.await.map_err(internal)?
    }

    /// Ends a token and everything opened with it; returns when that is on disk.
    pub async fn revoke_token(&self, id: String) -> Result<TokenReport, ControlError> {
        let tokens = Arc::clone(&self.context().access.tokens);
        let revoking = self.context().runtime.spawn_blocking(move || tokens.revoke(&id));
        revoking.await.map_err(internal)?
    }

    /// Records of the audit log from number `from` on; none: the newest.
    pub async fn audit_page(&self, from: Option<u64>, limit: u32) -> Result<AuditPage, ControlError> {
        let audit = self.audit().clone();
        let reading = self.context().runtime.spawn_blocking(move || audit.page(from, limit));
        reading.await.map_err(internal)?.map_err(internal)
    }

    /// Checks the whole audit log; with `expect`, some record must have this hash.
    pub async fn audit_verify(
        &self,
        expect: Option<String>,
    ) -> Result<Result<AuditReport, AuditProblem>, ControlError> {
        let audit = self.audit().clone();
        let verifying = self
            .context()
            .runtime
            .spawn_blocking(move || audit.verify(expect.as_deref()));
        verifying.await.map_err(internal)?.map_err(internal)
    }
}
