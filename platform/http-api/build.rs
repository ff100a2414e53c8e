//! Makes sure that there is a console to embed. It is built by `cargo xtask console`, which needs Node.js; without it a page
//! says so. Nothing is downloaded here, and what was built is never touched.

use std::path::Path;

const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>p2pjob</title>\n\
<h1>The console was not built</h1>\n<p>Run <code>cargo xtask console</code>, then build the program again. \
The API is at <a href=\"/api/v1/network/status\">/api/v1</a>, documented at <a href=\"/openapi.json\">/openapi.json</a>.</p>\n</html>\n";

fn main() {
    let dist = Path::new("../../web-console/dist");
    let page = dist.join("index.html");
    if !page.exists() && !dist.join("index.html.gz").exists() {
        // If this fails, the embedding says which folder is missing.
        let _ = std::fs::create_dir_all(dist);
        let _ = std::fs::write(page, PAGE);
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
}
