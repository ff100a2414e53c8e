//! Errors as `application/problem+json` (RFC 9457), with a stable code, for every route. Holds nothing, keeps nothing.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use node::control::protocol::{ControlError, ErrorCode};
use serde::{Deserialize, Serialize};

/// Content type of errors.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One wrong, missing or unknown field of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"field": "requirements.ram_gb", "message": "expected a number above 0"}))]
pub struct FieldError {
    /// Its place, such as `requirements.ram_gb`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl FieldError {
    /// About a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// An error for a person and for a program.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({
    "status": 404, "code": "not_found", "title": "Not Found",
    "detail": "this node has no task 27c1", "remedy": "tasks are known to the node they were submitted to"
}))]
pub struct Problem {
    /// HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Stable code such as `bad_input`; programs compare this.
    pub code: String,
    /// The class of error in words.
    pub title: String,
    /// What was wrong this time.
    pub detail: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// Every field that is wrong, where fields are.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    pub errors: Box<[FieldError]>,
}

impl Problem {
    /// Any problem.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>, remedy: &str) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            detail: detail.into(),
            remedy: remedy.to_owned(),
            errors: Box::default(),
        }
    }

    /// 400: the request is wrong.
    pub fn bad_input(detail: impl Into<String>, remedy: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_input", detail, remedy)
    }

    /// 400: these fields are wrong.
    pub fn bad_fields(errors: Vec<FieldError>, remedy: &str) -> Self {
        let named: Vec<String> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect();
        let mut problem = Self::bad_input(named.join("; "), remedy);
        problem.errors = errors.into_boxed_slice();
        problem
    }

    /// 400: this field is wrong.
    pub fn bad_field(field: &str, message: impl Into<String>) -> Self {
        Self::bad_fields(vec![FieldError::new(field, message)], "")
    }

    /// 404: there is no such thing, or none that this caller may see.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail, "")
    }

    /// 413: the body is larger than allowed.
    pub fn too_large(limit_bytes: u64) -> Self {
        let detail = format!("the body is larger than {limit_bytes} bytes");
        let remedy = "send less; large data goes to POST /api/v1/blobs and into the task's inputs";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail, remedy)
    }

    /// 415: the body is of another kind than this route takes.
    pub fn wrong_type(wanted: &str, got: Option<&str>) -> Self {
        let got = got.map_or_else(|| "no content type".to_owned(), |got| format!("{got:?}"));
        let remedy = format!("send `Content-Type: {wanted}`");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "wrong_content_type",
            format!("the body has {got}, this route takes {wanted}"),
            &remedy,
        )
    }

    /// 401: who are you?
    pub fn unauthenticated() -> Self {
        let remedy = "send `Authorization: Bearer TOKEN`; `p2pjob token new --role ROLE --name NAME` on the node's machine makes one";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "this needs a token",
            remedy,
        )
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let (status, code) = match error.code {
            ErrorCode::BadInput => (StatusCode::BAD_REQUEST, "bad_input"),
            ErrorCode::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            ErrorCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            ErrorCode::Limit => (StatusCode::INSUFFICIENT_STORAGE, "limit"),
            ErrorCode::Version => (StatusCode::CONFLICT, "version"),
            ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        Self::new(status, code, error.message, &error.remedy)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer realm=\"p2pjob\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
