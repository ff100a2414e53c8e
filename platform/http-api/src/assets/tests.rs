//! What is embedded is served, in both forms, and nothing else is.

use super::*;
use axum::http::HeaderName;
use http_body_util::BodyExt;

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let pair = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

async fn bytes(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn every_embedded_file_is_served_packed_and_unpacked() {
    let all = paths();
    assert!(all.iter().any(|path| path == INDEX), "{all:?}");
    for path in all {
        let plain = Asset::find(&path).unwrap().respond(&HeaderMap::new());
        assert_eq!(plain.status(), StatusCode::OK, "{path}");
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none(), "{path}");
        let plain = bytes(plain).await;
        let asking = headers(&[(header::ACCEPT_ENCODING, "br, gzip")]);
        let packed = Asset::find(&path).unwrap().respond(&asking);
        let tag = packed.headers()[header::ETAG].clone();
        let is_packed = packed.headers().contains_key(header::CONTENT_ENCODING);
        let packed = bytes(packed).await;
        let unpacked = if is_packed {
            let mut unpacked = Vec::new();
            GzDecoder::new(packed.as_ref()).read_to_end(&mut unpacked).unwrap();
            Bytes::from(unpacked)
        } else {
            packed
        };
        assert_eq!(plain, unpacked, "{path}");
        let known = headers(&[
            (header::ACCEPT_ENCODING, "gzip"),
            (header::IF_NONE_MATCH, tag.to_str().unwrap()),
        ]);
        let known = Asset::find(&path).unwrap().respond(&known);
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert!(bytes(known).await.is_empty(), "{path}");
    }
}

#[test]
fn paths_that_lead_elsewhere_are_no_files() {
    let bad = [
        "",
        "/",
        "../Cargo.toml",
        "assets/../index.html",
        "/etc/passwd",
        "index.html/",
        "./index.html",
        "index.html\0",
    ];
    for path in bad {
        assert!(Asset::find(path).is_none(), "{path:?}");
    }
}

#[test]
fn gzip_is_taken_only_from_who_wants_it() {
    let takes = |text| takes_gzip(&headers(&[(header::ACCEPT_ENCODING, text)]));
    assert!(takes("gzip") && takes("deflate, GZIP;q=0.5") && takes("*"));
    assert!(!takes("gzip;q=0") && !takes("br") && !takes("identity") && !takes("gzip;q=x"));
    assert!(!takes_gzip(&HeaderMap::new()));
}

#[test]
fn names_with_a_hash_are_kept_for_good() {
    let asset = |path: &str| Asset {
        path: path.to_owned(),
        ..index().unwrap()
    };
    assert!(asset("assets/index-Bq3.js").is_hashed() && asset("tools/assets/x.css").is_hashed());
    assert!(!asset("index.html").is_hashed() && !asset("icon.svg").is_hashed());
}
