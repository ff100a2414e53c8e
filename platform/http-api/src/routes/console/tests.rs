//! Pages are found by their addresses, and only by these.

use super::*;
use axum::http::StatusCode;

fn get_file(path: &str) -> Option<StatusCode> {
    let uri: Uri = path.parse().unwrap();
    assert!(file(&Method::POST, &uri, &HeaderMap::new()).is_none());
    file(&Method::GET, &uri, &HeaderMap::new()).map(|response| response.status())
}

#[tokio::test]
async fn the_first_page_is_there() {
    let page = index(HeaderMap::new()).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
    assert_eq!(get_file("/index.html"), Some(StatusCode::OK));
}

#[test]
fn what_is_not_embedded_is_not_found() {
    for path in [
        "/assets/nothing.js",
        "/docs/%2e%2e/index.html",
        "/assets/..%2f..%2fCargo.toml",
        "/tools//",
    ] {
        assert_eq!(get_file(path), None, "{path}");
    }
}

#[tokio::test]
async fn pages_of_tools_lead_to_their_folders_or_say_why_not() {
    for (page, pages) in [(docs().await, DOCS_PAGES), (graphiql().await, GRAPHIQL_PAGES)] {
        let built = pages.iter().find(|page| Asset::find(page).is_some());
        match (page, built) {
            (Ok(response), Some(built)) => {
                assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
                let place = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
                assert_eq!(format!("{place}index.html"), format!("/{built}"));
                assert_eq!(get_file(&place), Some(StatusCode::OK));
            }
            (Err(problem), None) => assert!(problem.status == 404 && !problem.remedy.is_empty(), "{problem:?}"),
            (page, built) => panic!("{page:?} although the build has {built:?}"),
        }
    }
}
