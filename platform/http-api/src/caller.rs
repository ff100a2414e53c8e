//! Who sent a request, and what they may do. Put into the request's extensions by the access layer, before any handler.

use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use node::config::Role;
use std::net::IpAddr;

/// The sender of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// What it may do.
    pub role: Role,
    /// Name of its token; `anonymous` without one.
    pub name: String,
    /// Id of its token.
    pub token: Option<String>,
    /// Whether it may see and touch only tasks of its own (`owner` equal to `name`).
    pub own_only: bool,
    /// Where it comes from.
    pub address: IpAddr,
}

impl Caller {
    /// Whether it may see a task of this owner.
    pub fn may_see(&self, owner: &str) -> bool {
        !self.own_only || owner == self.name
    }

    /// Whether it may change a task of this owner: operators anybody's, others their own.
    pub fn may_change(&self, owner: &str) -> bool {
        self.role >= Role::Operator || (self.role >= Role::Submitter && owner == self.name)
    }

    /// Its name as the owner of what it makes; empty for an anonymous caller.
    pub fn owner(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |_| self.name.clone())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::unauthenticated)
    }
}
