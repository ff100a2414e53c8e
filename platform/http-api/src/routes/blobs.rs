//! Blobs over HTTP: what is here, what keeps it, and (in `transfer` and `sending`) bytes in and out. Asks the node; owns nothing.

mod sending;
mod transfer;

use crate::caller::Caller;
use crate::cursor::Binding;
use crate::extract::{Hex, Json, Path, Query, shown};
use crate::openapi::Problems;
use crate::problem::{FieldError, Problem};
use crate::routes::tasks::{page_limit, visible};
use crate::state::AppState;
use crate::view::{Hash, Page};
use axum::extract::State;
use axum::http::StatusCode;
use job_model::BlobHash;
use node::api::{PinReport, UPLOAD_PIN};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Longest name of a pin, in bytes.
const MAX_PIN_NAME_BYTES: usize = 64;

/// A stored blob.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Blob {
    /// BLAKE3 hash of its bytes.
    #[schema(value_type = Hash)]
    pub hash: BlobHash,
    /// Size in bytes; null while only a part is here.
    #[schema(required = true)]
    pub size: Option<u64>,
    /// Whether all of it is here.
    pub complete: bool,
    /// What keeps it; nothing: it goes with the next collection.
    pub pins: Vec<PinView>,
}

/// What keeps a blob.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PinView {
    /// `task`, `job` or `named`.
    #[schema(pattern = "^(task|job|named)$")]
    pub kind: String,
    /// The task's id, the job's hash, or the name.
    pub owner: String,
}

/// Which blobs.
#[derive(Clone, Default, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BlobQuery {
    /// Where the page begins: `next_cursor` of the one before.
    #[param(max_length = 600)]
    cursor: Option<String>,
    /// Most blobs of the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// The routes of this module.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, transfer::upload))
        .routes(routes!(transfer::download, transfer::head))
        .routes(routes!(pins))
        .routes(routes!(pin, unpin))
        .routes(routes!(transfer::result, transfer::result_head))
}

/// The stored blobs
///
/// In the order of their hashes. A token that may see only its own tasks gets the blobs of these, and what it uploaded.
#[utoipa::path(
    get,
    path = "/blobs", operation_id = "list_blobs",
    tag = "blobs",
    params(BlobQuery),
    responses(
        (status = 200, description = "A page", body = Page<Blob>),
        Problems,
    )
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(query): Query<BlobQuery>,
) -> Result<Json<Page<Blob>>, Problem> {
    let limit = page_limit(query.limit)?;
    let seen_by = if caller.own_only { caller.name.as_str() } else { "" };
    let binding = Binding {
        list: "blobs",
        query: seen_by,
    };
    let after = match &query.cursor {
        Some(cursor) => <[u8; 32]>::try_from(binding.position(cursor)?.as_slice())
            .ok()
            .map(BlobHash),
        None => None,
    };
    // In this order: what is stored was pinned before.
    let stored = state.api.blobs().await;
    let mut pins = pins_by_blob(&state, &caller).await?;
    let wanted = |(hash, _): &(BlobHash, Option<u64>)| {
        after.is_none_or(|after| *hash > after) && (!caller.own_only || pins.contains_key(hash))
    };
    let mut blobs: Vec<(BlobHash, Option<u64>)> = stored.into_iter().filter(wanted).collect();
    let more = blobs.len() > limit;
    blobs.truncate(limit);
    let next_cursor = blobs
        .last()
        .filter(|_| more)
        .map(|(hash, _)| binding.cursor(hash.as_bytes()));
    let blob = |(hash, size): (BlobHash, Option<u64>)| Blob {
        hash,
        size,
        complete: size.is_some(),
        pins: pins.remove(&hash).unwrap_or_default(),
    };
    let items = blobs.into_iter().map(blob).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// The pins that this caller may see.
async fn pins_by_blob(state: &AppState, caller: &Caller) -> Result<HashMap<BlobHash, Vec<PinView>>, Problem> {
    let mut found: HashMap<BlobHash, Vec<PinView>> = HashMap::new();
    let mut tasks: HashMap<String, bool> = HashMap::new();
    for PinReport { hash, kind, owner } in state.api.pins().await? {
        if caller.own_only && !may_see(state, caller, (&kind, &owner), &mut tasks).await {
            continue;
        }
        found.entry(hash).or_default().push(PinView { kind, owner });
    }
    Ok(found)
}

/// Whether a caller who sees only its own tasks may see a pin. What was asked of a task is remembered.
async fn may_see(
    state: &AppState,
    caller: &Caller,
    (kind, owner): (&str, &str),
    tasks: &mut HashMap<String, bool>,
) -> bool {
    match kind {
        "job" => true,
        "task" => {
            if let Some(known) = tasks.get(owner) {
                return *known;
            }
            let seen = match owner.parse() {
                Ok(task) => visible(state, caller, task).await.is_ok(),
                Err(_) => false,
            };
            tasks.insert(owner.to_owned(), seen);
            seen
        }
        _ => owner == upload_pin(caller),
    }
}

/// The pin of what this caller uploads.
fn upload_pin(caller: &Caller) -> String {
    match caller.owner().as_str() {
        "" => UPLOAD_PIN.to_owned(),
        name => format!("{UPLOAD_PIN}:{name}"),
    }
}

/// What keeps a blob
#[utoipa::path(
    get,
    path = "/blobs/{hash}/pins", operation_id = "list_pins",
    tag = "blobs",
    params(("hash" = inline(Hash), Path, description = "The blob")),
    responses(
        (status = 200, description = "Its pins; none where the blob is not here", body = Page<PinView>),
        Problems,
    )
)]
async fn pins(
    State(state): State<AppState>,
    caller: Caller,
    Path(Hex(hash)): Path<Hex<BlobHash>>,
) -> Result<Json<Page<PinView>>, Problem> {
    let items = pins_by_blob(&state, &caller).await?.remove(&hash).unwrap_or_default();
    Ok(Json(Page::whole(items.into_iter())))
}

/// Keep a blob under a name
///
/// A blob that is not here yet is kept once it comes.
#[utoipa::path(
    put,
    path = "/blobs/{hash}/pins/{name}", operation_id = "pin_blob",
    tag = "blobs",
    params(
        ("hash" = inline(Hash), Path, description = "The blob"),
        ("name" = String, Path, description = "Up to 64 letters, digits and `._:-`", pattern = "^[A-Za-z0-9._:-]{1,64}$"),
    ),
    responses(
        (status = 204, description = "It is kept"),
        Problems,
    )
)]
async fn pin(State(state): State<AppState>, Path(place): Path<(Hex<BlobHash>, String)>) -> Result<StatusCode, Problem> {
    let (Hex(hash), name) = place;
    state.api.pin(hash, checked_name(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End the keeping of a blob under a name
///
/// Its bytes go with the next collection, unless another pin keeps them.
#[utoipa::path(
    delete,
    path = "/blobs/{hash}/pins/{name}", operation_id = "unpin_blob",
    tag = "blobs",
    params(
        ("hash" = inline(Hash), Path, description = "The blob"),
        ("name" = String, Path, description = "Up to 64 letters, digits and `._:-`", pattern = "^[A-Za-z0-9._:-]{1,64}$"),
    ),
    responses(
        (status = 204, description = "It is not kept under this name, whether or not it was"),
        Problems,
    )
)]
async fn unpin(
    State(state): State<AppState>,
    Path(place): Path<(Hex<BlobHash>, String)>,
) -> Result<StatusCode, Problem> {
    let (Hex(hash), name) = place;
    state.api.unpin(hash, checked_name(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A name that people can type again.
fn checked_name(name: &str) -> Result<&str, Problem> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    if (1..=MAX_PIN_NAME_BYTES).contains(&name.len()) && name.bytes().all(letters) {
        return Ok(name);
    }
    let message = format!(
        "expected 1 to {MAX_PIN_NAME_BYTES} letters, digits and ._:-, got {:?}",
        shown(name)
    );
    Err(Problem::bad_fields(vec![FieldError::new("name", message)], ""))
}

#[cfg(test)]
mod tests;
