//! Tokens, sessions and audit records as the API shows them.

use crate::problem::Problem;
use axum::http::StatusCode;
use node::access::{AuditHead, AuditPage, AuditProblem, AuditRecord, AuditReport, MadeToken, NewToken, TokenReport};
use node::config::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A login.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// A token, `p2pjob_ID_SECRET`.
    pub token: String,
}

/// Who the caller is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Name of the token; `anonymous` without one.
    pub name: String,
    /// viewer, submitter, operator or admin.
    #[schema(value_type = String, example = "submitter")]
    pub role: Role,
    /// Whether only the caller's own tasks are seen.
    pub own_only: bool,
    /// Whether there is no token, only the right of this machine.
    pub anonymous: bool,
    /// Header that programs with the cookie must send with requests that change something.
    pub csrf_header: String,
    /// When the session ends, for the answer to a login.
    pub expires_at: Option<u64>,
}

/// A token to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenBody {
    /// Whose it is: 1 to 64 letters, digits and `. _ - @`; the owner of the tasks submitted with it.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9][A-Za-z0-9._@-]*$",
        example = "ada"
    )]
    pub name: String,
    /// viewer, submitter, operator or admin.
    #[schema(value_type = String, pattern = "^(viewer|submitter|operator|admin)$", example = "submitter")]
    pub role: Role,
    /// How long it is valid, in milliseconds; none: until it is revoked.
    #[schema(minimum = 1, maximum = 9007199254740991u64)]
    pub expires_in_ms: Option<u64>,
    /// Whether it sees and touches only tasks of its own; none: a submitter's does, the others do not.
    pub own_only: Option<bool>,
}

impl From<NewTokenBody> for NewToken {
    fn from(body: NewTokenBody) -> Self {
        Self {
            name: body.name,
            role: body.role,
            expires_in_ms: body.expires_in_ms,
            own_only: body.own_only,
        }
    }
}

/// A token without its secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Names it.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// viewer, submitter, operator or admin.
    #[schema(value_type = String, example = "viewer")]
    pub role: Role,
    /// Whether it sees and touches only tasks of its own.
    pub own_only: bool,
    /// When it was made.
    pub created_at: u64,
    /// When it ends by itself.
    pub expires_at: Option<u64>,
    /// When it was last used since the node started.
    pub last_used: Option<u64>,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
}

impl From<TokenReport> for TokenView {
    fn from(report: TokenReport) -> Self {
        Self {
            id: report.id,
            name: report.name,
            role: report.role,
            own_only: report.own_only,
            created_at: report.created_at.0,
            expires_at: report.expires_at.map(|at| at.0),
            last_used: report.last_used.map(|at| at.0),
            revoked_at: report.revoked_at.map(|at| at.0),
        }
    }
}

/// A token that was just made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct MadeTokenView {
    /// The secret text, shown this once.
    pub token: String,
    /// Names it.
    pub id: String,
    /// What it is.
    pub about: TokenView,
}

impl From<MadeToken> for MadeTokenView {
    fn from(made: MadeToken) -> Self {
        Self {
            token: made.token,
            id: made.report.id.clone(),
            about: made.report.into(),
        }
    }
}

/// All tokens, the oldest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens.
    pub items: Vec<TokenView>,
    /// Always null: there are never more than fit in one answer.
    pub next_cursor: Option<String>,
}

/// A record of the audit log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was recorded.
    pub at: u64,
    /// Who: a token's name, `anonymous`, `local` (the command line), or `unknown` (nobody was accepted).
    pub actor: String,
    /// Id of the token.
    pub token: Option<String>,
    /// In which role; empty: none was accepted.
    pub role: String,
    /// From where.
    pub address: String,
    /// What, such as `POST /api/v1/tasks`.
    pub action: String,
    /// On what.
    pub target: String,
    /// `ok`, `refused`, `failed` or `given up`.
    pub outcome: String,
    /// The HTTP status it was answered with.
    pub status: Option<u16>,
    /// Hash of the record before.
    pub prev: String,
    /// Its own hash.
    pub hash: String,
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        Self {
            seq: record.seq,
            at: record.at.0,
            actor: record.actor,
            token: record.token,
            role: record.role,
            address: record.address,
            action: record.action,
            target: record.target,
            outcome: record.outcome,
            status: record.status,
            prev: record.prev,
            hash: record.hash,
        }
    }
}

/// A piece of the audit log, the oldest record first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AuditList {
    /// The records.
    pub items: Vec<AuditView>,
    /// For the records after these.
    pub next_cursor: Option<String>,
    /// Number of the last record of the log.
    pub last_seq: u64,
    /// Its hash; note it elsewhere to notice when the end is cut off.
    pub head: String,
}

impl From<AuditPage> for AuditList {
    fn from(page: AuditPage) -> Self {
        let AuditPage { records, head, .. } = page;
        let AuditHead { seq, hash } = head;
        let last = records.last().map(|record| record.seq).filter(|last| *last < seq);
        Self {
            next_cursor: last.map(|last| (last + 1).to_string()),
            items: records.into_iter().map(AuditView::from).collect(),
            last_seq: seq,
            head: hash,
        }
    }
}

/// Where the audit log is not what was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AuditProblemView {
    /// Number of the first record that is wrong.
    pub record: u64,
    /// What is wrong with it.
    pub why: String,
}

/// What checking the audit log found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether everything is as it was written.
    pub sound: bool,
    /// How many records were found sound, if all were.
    pub records: Option<u64>,
    /// Hash of the last one.
    pub head: Option<String>,
    /// Time of the first record.
    pub first_at: Option<u64>,
    /// Time of the last record.
    pub last_at: Option<u64>,
    /// Number of the record whose hash was expected.
    pub expected_at: Option<u64>,
    /// What is wrong.
    pub problem: Option<AuditProblemView>,
}

impl From<Result<AuditReport, AuditProblem>> for AuditVerdict {
    fn from(found: Result<AuditReport, AuditProblem>) -> Self {
        match found {
            Ok(report) => Self {
                sound: true,
                records: Some(report.records),
                head: Some(report.head),
                first_at: report.first_at.map(|at| at.0),
                last_at: report.last_at.map(|at| at.0),
                expected_at: report.expected_at,
                problem: None,
            },
            Err(AuditProblem { record, why }) => Self {
                problem: Some(AuditProblemView { record, why }),
                ..Self::default()
            },
        }
    }
}

/// 400: the cursor is none of this list.
pub fn bad_cursor() -> Problem {
    let detail = "the cursor does not belong to this list";
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_cursor",
        detail,
        "begin again without a cursor",
    )
}
