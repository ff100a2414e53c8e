//! The description of the API (OpenAPI), generated from the routes themselves. Made once, when it is first asked for.

use crate::problem::{FieldError, PROBLEM_JSON, Problem};
use crate::{routes, view};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Tag};
use utoipa::{IntoResponses, PartialSchema};

/// What every operation may answer besides its own answers.
pub struct Problems;

/// What an operation with a body may answer besides.
pub struct BodyProblems;

/// Statuses, their names in the description, and what they mean.
const PROBLEMS: [(&str, &str, &str); 9] = [
    ("400", "BadInput", "The request is wrong: `bad_input`, `bad_cursor`"),
    (
        "401",
        "Unauthenticated",
        "A token is needed, or this one is not valid: `unauthenticated`",
    ),
    ("403", "Forbidden", "The role does not allow it: `forbidden`"),
    (
        "404",
        "NotFound",
        "There is no such thing, or none that the caller may see: `not_found`",
    ),
    ("408", "TooSlow", "The request came too slowly: `too_slow`"),
    (
        "429",
        "TooManyRequests",
        "Too many requests: `too_many_requests`; see `Retry-After`",
    ),
    ("500", "Internal", "The node failed, please report it: `internal`"),
    (
        "503",
        "Unavailable",
        "Not now, the node is stopping or nobody can do it: `unavailable`",
    ),
    ("507", "Limit", "No room on disk, or another limit: `limit`"),
];

/// The same for operations with a body.
const BODY_PROBLEMS: [(&str, &str, &str); 4] = [
    ("409", "Conflict", "It cannot be done any more: `conflict`"),
    ("413", "TooLarge", "The body is too large: `too_large`"),
    (
        "415",
        "WrongContentType",
        "The body is of another content type: `wrong_content_type`",
    ),
    (
        "422",
        "Contradiction",
        "It contradicts an earlier request: `idempotency_key_reused`",
    ),
];

fn references(list: &[(&str, &str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let one = |(status, name, _): &(&str, &str, &str)| {
        let place = RefOr::Ref(Ref::from_response_name(*name));
        ((*status).to_owned(), place)
    };
    list.iter().map(one).collect()
}

fn problem_response(description: &str) -> RefOr<Response> {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, content);
    RefOr::T(response.build())
}

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        references(&PROBLEMS)
    }
}

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = Problems::responses();
        all.extend(references(&BODY_PROBLEMS));
        all
    }
}

const TAGS: [(&str, &str); 9] = [
    ("tasks", "Submit tasks, watch them, stop them, and see what they did"),
    ("jobs", "Publish jobs, and read what they take"),
    ("blobs", "Data by its BLAKE3 hash"),
    ("events", "What happens, as it happens"),
    ("network", "The node, its peers, and what is wrong"),
    ("market", "Credits and prices"),
    ("history", "What was, from the history database"),
    ("webhooks", "Calls to other programs when tasks end"),
    ("access", "Sessions, tokens and the audit log"),
];

fn describe(api: &mut OpenApi) {
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0");
    api.info = InfoBuilder::new()
        .title("p2pjob")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A node of a p2pjob network. Moments are Unix milliseconds, amounts are whole micro-credits unless the name \
             ends with `_credits`, ids and hashes are 64 lower-case hexadecimal digits. Errors are \
             `application/problem+json` with a stable `code`.",
        ))
        .license(Some(license.build()))
        .build();
    let tag = |(name, description): &(&str, &str)| {
        let mut tag = Tag::new(*name);
        tag.description = Some((*description).to_owned());
        tag
    };
    api.tags = Some(TAGS.iter().map(tag).collect());
    complete(api);
    let components = api.components.get_or_insert_default();
    for (name, schema) in [
        ("Problem", Problem::schema()),
        ("FieldError", FieldError::schema()),
        ("Hash", view::Hash::schema()),
        ("TaskStatusName", view::TaskStatusName::schema()),
        ("PriorityName", view::PriorityName::schema()),
    ] {
        components.schemas.insert(name.to_owned(), schema);
    }
    for (_, name, description) in PROBLEMS.iter().chain(&BODY_PROBLEMS) {
        components
            .responses
            .insert((*name).to_owned(), problem_response(description));
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of `p2pjob token new`; not needed on the node's own machine unless configured so",
        ))
        .build();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "p2pjob_session",
        "The console's login (`POST /api/v1/session`)",
    ));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    // Any of them, or none: what a caller without a token may do is a matter of configuration.
    let any = |name: &str| utoipa::openapi::SecurityRequirement::new(name, Vec::<String>::new());
    api.security = Some(vec![
        any("bearer"),
        any("cookie"),
        utoipa::openapi::SecurityRequirement::default(),
    ]);
}

/// Every operation of the API may meet the access layer, limits and a stopping node, whether it says so or not.
fn complete(api: &mut OpenApi) {
    let paths = api.paths.paths.iter_mut();
    for (_, item) in paths.filter(|(path, _)| path.starts_with(routes::API) || path.starts_with("/metrics")) {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.head,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            let all = match operation.request_body {
                Some(_) => BodyProblems::responses(),
                None => Problems::responses(),
            };
            for (status, response) in all {
                operation.responses.responses.entry(status).or_insert(response);
            }
        }
    }
}

/// The description as JSON text, with a newline at its end.
pub fn openapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut api = routes::openapi();
        describe(&mut api);
        let mut text = api.to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    })
}
