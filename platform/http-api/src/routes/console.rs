//! The console's pages and files, and the pages of the API's documentation and of GraphiQL. Serves what is embedded; owns
//! nothing. Everybody may load these: what they show is asked of the API, with the caller's own rights.

use crate::assets::{self, Asset};
use crate::problem::Problem;
use crate::state::AppState;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

/// Where the build puts the page of the API's documentation.
const DOCS_PAGES: [&str; 2] = ["docs/index.html", "tools/docs/index.html"];
/// Where the build puts GraphiQL.
const GRAPHIQL_PAGES: [&str; 2] = ["graphiql/index.html", "tools/graphiql/index.html"];

/// The pages that have an address of their own, which the API's description leaves out. All other files: [`file`].
pub fn router() -> OpenApiRouter<AppState> {
    let pages = axum::Router::new()
        .route("/", get(index))
        .route("/docs", get(docs))
        .route("/graphiql", get(graphiql));
    OpenApiRouter::from(pages)
}

async fn index(headers: HeaderMap) -> Result<Response, Problem> {
    let page = assets::index().ok_or_else(|| Problem::not_found("this program was built without the console"))?;
    Ok(page.respond(&headers))
}

/// A file of the console, for addresses that no route has. None: it has no such file, or this is no way to ask for one.
pub fn file(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    let path = uri.path().strip_prefix('/')?;
    // A folder's page: its scripts are named relative to it.
    let page = path.ends_with('/').then(|| format!("{path}index.html"));
    let asset = Asset::find(page.as_deref().unwrap_or(path))?;
    Some(asset.respond(headers))
}

async fn docs() -> Result<Response, Problem> {
    lead_to(
        &DOCS_PAGES,
        "the API's documentation",
        "/openapi.json describes the API",
    )
}

/// The page of GraphiQL: for `GET /graphql` of a browser.
pub async fn graphiql() -> Result<Response, Problem> {
    lead_to(&GRAPHIQL_PAGES, "GraphiQL", "POST /graphql answers queries")
}

/// Whether a request comes from a browser that wants a page.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// To the folder of the page, so that its relative links hold.
fn lead_to(pages: &[&str], what: &str, instead: &str) -> Result<Response, Problem> {
    let found = pages.iter().find(|page| Asset::find(page).is_some());
    let folder = found.and_then(|page| page.strip_suffix("index.html"));
    let Some(folder) = folder else {
        let mut problem = Problem::not_found(format!("this program was built without {what}"));
        instead.clone_into(&mut problem.remedy);
        return Err(problem);
    };
    let place: Uri = format!("/{folder}").parse().map_err(|_| Problem::not_found(what))?;
    Ok(Redirect::temporary(&place.to_string()).into_response())
}

#[cfg(test)]
mod tests;
