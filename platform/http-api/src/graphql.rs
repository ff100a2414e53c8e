//! GraphQL over the same types, rules and words as REST: queries and mutations at `POST /graphql`, subscriptions at
//! `GET /graphql/ws`, GraphiQL at `GET /graphql`.
//!
//! Owns the schema, which never changes. Names are in snake case, as everywhere in this API. Requests are bounded in size,
//! depth, complexity and introspection; batches are not taken.

mod error;
mod event;
mod input;
mod limits;
mod mutation;
mod query;
mod socket;
mod subscription;
mod visible;

use crate::caller::Caller;
use crate::extract::{decode, json_body};
use crate::problem::Problem;
use crate::routes::console;
use crate::state::AppState;
use async_graphql::{Request as GraphqlRequest, SDLExportOptions};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use error::with_codes;
use job_model::digits::keep_digits;
use limits::IntrospectionLimit;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

/// Longest text of a query, in bytes.
const MAX_QUERY_BYTES: usize = 32 << 10;
/// Largest WebSocket message, in bytes: a query with its variables.
const MAX_MESSAGE_BYTES: usize = 256 << 10;
/// Deepest selection: what tools ask of the schema is 15 deep.
const MAX_DEPTH: usize = 18;
/// Most that one request may cost: a field is 1, an item of a list is what is asked of it, a look at the node is 20 or more.
const MAX_COMPLEXITY: usize = 20_000;
/// Nesting of the parsed text.
const MAX_RECURSION: usize = 32;
/// Directives of one field.
const MAX_DIRECTIVES: usize = 4;
const PLAIN_PAGE: &str = "<!doctype html><title>GraphQL</title><p>This program was built without GraphiQL. \
    <code>POST /graphql</code> answers queries; <code>docs/schema.graphql</code> holds the schema.";

type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema, for handlers.
#[derive(Clone)]
struct SchemaHandle(Schema);

fn schema() -> Schema {
    async_graphql::Schema::build(Query, Mutation, Subscription)
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY)
        .limit_recursive_depth(MAX_RECURSION)
        .limit_directives(MAX_DIRECTIVES)
        .extension(IntrospectionLimit)
        .finish()
}

/// The schema as text (SDL), with a newline at its end.
pub fn schema_sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items();
    let text = schema().sdl_with_options(options);
    format!("{}\n", text.trim())
}

/// The routes of this module.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/graphql", get(page).post(execute))
        .route("/graphql/ws", get(socket::serve))
        .layer(Extension(SchemaHandle(schema())))
}

/// GraphiQL for browsers.
async fn page(headers: HeaderMap) -> Response {
    match console::graphiql().await {
        Ok(page) => page,
        Err(_) if console::wants_page(&headers) => Html(PLAIN_PAGE).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn too_long() -> String {
    format!("the query has more than {MAX_QUERY_BYTES} bytes; use variables for large values")
}

/// One query or several mutations of one request.
async fn execute(
    State(state): State<AppState>,
    Extension(schema): Extension<SchemaHandle>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let body = json_body(request, &state).await?;
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::bad_input(
            "batches of queries are not taken",
            "send one query per request",
        ));
    }
    let text = std::str::from_utf8(&body)
        .map_err(|error| Problem::bad_input(format!("the body is no UTF-8: {error}"), "send one JSON object"))?;
    // Whole numbers of any size in variables keep their digits, as in REST.
    let request: GraphqlRequest = decode(keep_digits(text).as_bytes())?;
    if request.query.trim().is_empty() {
        return Err(Problem::bad_field("query", "missing; send {\"query\": \"...\"}"));
    }
    if request.query.len() > MAX_QUERY_BYTES {
        return Err(Problem::bad_field("query", too_long()));
    }
    let response = with_codes(schema.0.execute(request.data(state).data(caller)).await);
    let kept = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((kept, serde_json::to_vec(&response).unwrap_or_default()).into_response())
}
