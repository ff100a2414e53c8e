//! The role matrix: every route and every role, against a list written by hand; and that no route was forgotten.

use super::*;
use std::collections::BTreeSet;

const NONE: char = '-';

/// Every route with the least role: `-` nobody in particular, then by the first letter.
const MATRIX: &str = "
- GET /                                     - GET /{*path}
- GET /assets/{*path}                       - GET /docs
- GET /docs/                                - GET /docs/{*path}
- GET /graphiql                             - GET /graphiql/
- GET /graphiql/{*path}                     - GET /openapi.json
- GET /health                               - GET /healthz
- GET /ready                                - GET /api/v1/health
- GET /api/v1/ready                         - GET /api/v1/openapi.json
v GET /metrics                              - GET /graphql
v POST /graphql                             - GET /graphql/ws
- POST /api/v1/session                      v GET /api/v1/session
- DELETE /api/v1/session                    s POST /api/v1/jobs
v GET /api/v1/jobs                          v GET /api/v1/jobs/{job}
s POST /api/v1/quote                        s POST /api/v1/tasks
v GET /api/v1/tasks                         v GET /api/v1/tasks/{id}
s POST /api/v1/tasks/{id}/cancel            v GET /api/v1/tasks/{id}/request
v GET /api/v1/tasks/{id}/events             v GET /api/v1/tasks/{id}/chunks
v GET /api/v1/tasks/{id}/chunks/{n}         v GET /api/v1/tasks/{id}/explain
v GET /api/v1/tasks/{id}/logs               v GET /api/v1/tasks/{id}/receipts
v GET /api/v1/tasks/{id}/result
s POST /api/v1/tasks/{id}/replay            s POST /api/v1/blobs
v GET /api/v1/blobs                         v GET /api/v1/blobs/{hash}
v GET /api/v1/blobs/{hash}/pins             o PUT /api/v1/blobs/{hash}/pins/{name}
o DELETE /api/v1/blobs/{hash}/pins/{name}   v GET /api/v1/network/status
v GET /api/v1/peers                         v GET /api/v1/ledger
v GET /api/v1/prices                        v GET /api/v1/doctor
v GET /api/v1/events                        v GET /api/v1/history/tasks
v GET /api/v1/history/chunks                v GET /api/v1/history/load
v GET /api/v1/history/prices                o GET /api/v1/webhooks
o POST /api/v1/webhooks                     o GET /api/v1/webhooks/{id}
o DELETE /api/v1/webhooks/{id}              o POST /api/v1/webhooks/{id}/test
o GET /api/v1/webhooks/deliveries           o POST /api/v1/webhooks/deliveries/{id}/resend
a GET /api/v1/tokens                        a POST /api/v1/tokens
a DELETE /api/v1/tokens/{id}                a GET /api/v1/audit
a GET /api/v1/audit/verify
";

/// Letter, method and pattern.
fn matrix() -> Vec<(char, &'static str, &'static str)> {
    let words: Vec<&str> = MATRIX.split_whitespace().collect();
    let row = |words: &[&'static str]| (words[0].chars().next().unwrap(), words[1], words[2]);
    words.chunks(3).map(row).collect()
}

/// Whether somebody with this role (none: without any) passes.
fn passes(method: &str, pattern: &str, role: Option<Role>) -> bool {
    match rule(&method.parse().unwrap(), Some(pattern)) {
        Rule::Public => true,
        Rule::Needs(least) => role.is_some_and(|role| role >= least),
        Rule::OtherMethods(_) | Rule::Unknown => false,
    }
}

#[test]
fn every_role_may_exactly_what_the_matrix_says() {
    let rows = matrix();
    let named: BTreeSet<_> = rows.iter().map(|(_, method, pattern)| (*method, *pattern)).collect();
    let known: BTreeSet<_> = ACCESS.iter().map(|(method, pattern, _)| (*method, *pattern)).collect();
    assert_eq!(named, known, "table and matrix name the same routes");
    assert_eq!(known.len(), ACCESS.len(), "no route stands in the table twice");
    let roles = [None].into_iter().chain(Role::ALL.map(Some));
    for role in roles {
        let rank = role.map_or(0, |role| 1 + role as usize);
        for (letter, method, pattern) in &rows {
            let wanted = [NONE, 'v', 's', 'o', 'a']
                .iter()
                .position(|known| known == letter)
                .unwrap()
                <= rank;
            assert_eq!(passes(method, pattern, role), wanted, "{role:?}: {method} {pattern}");
            if *method == "GET" {
                assert_eq!(passes("HEAD", pattern, role), wanted, "{role:?}: HEAD {pattern}");
            }
        }
    }
}

#[test]
fn every_route_of_the_api_has_a_rule() {
    let document = serde_json::to_value(crate::routes::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut forgotten = Vec::new();
    for (path, item) in paths {
        for method in ["get", "put", "post", "delete", "patch"]
            .iter()
            .filter(|method| item.get(**method).is_some())
        {
            let method = method.to_ascii_uppercase();
            if matches!(
                rule(&method.parse().unwrap(), Some(path)),
                Rule::Unknown | Rule::OtherMethods(_)
            ) {
                forgotten.push(format!("{method} {path}"));
            }
        }
    }
    assert!(paths.len() > 10, "{paths:?}");
    assert_eq!(forgotten, Vec::<String>::new(), "add these to ACCESS and to the matrix");
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    assert_eq!(rule(&Method::GET, Some("/api/v1/secrets")), Rule::Unknown);
    assert_eq!(rule(&Method::GET, Some("/api/v1/tasks/{id}/secrets")), Rule::Unknown);
    assert_eq!(
        rule(&Method::PATCH, Some("/api/v1/peers")),
        Rule::OtherMethods("GET, HEAD".to_owned())
    );
    assert_eq!(
        rule(&Method::GET, Some("/api/v1/tasks/{other}")),
        Rule::Needs(Role::Viewer)
    );
    assert_eq!(
        rule(&Method::GET, None),
        Rule::Public,
        "what no route takes is answered by the fallback"
    );
}
