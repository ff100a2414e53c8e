//! Which introspection is answered.

use super::{MAX_SELECTIONS, is_bounded};
use async_graphql::parser::parse_query;

fn bounded(query: &str) -> bool {
    let document = parse_query(query).expect("a query");
    let mut left = MAX_SELECTIONS;
    document
        .operations
        .iter()
        .all(|(_, operation)| is_bounded(&document, &operation.node.selection_set.node, 0, &mut left))
}

#[test]
fn what_tools_ask_is_answered() {
    assert!(bounded(
        "{ __schema { types { name fields { name args { name } type { name ofType { name } } } inputFields { name } } } }"
    ));
    assert!(bounded("{ task(task_id: \"x\") { status errors { message } } }"));
}

#[test]
fn nested_lists_are_refused_also_through_fragments() {
    let nested = "fields { type { fields { type { fields { type { fields { name } } } } } } }";
    assert!(!bounded(&format!("{{ __type(name: \"Task\") {{ {nested} }} }}")));
    let fragments =
        "fragment A on __Type { fields { type { ...B } } } fragment B on __Type { fields { type { ...A } } }";
    assert!(!bounded(&format!(
        "{{ __type(name: \"Task\") {{ ...A }} }} {fragments}"
    )));
}

#[test]
fn circles_and_crowds_end() {
    assert!(!bounded("{ ...A } fragment A on Query { ...A }"));
    let crowd: String = (0..=MAX_SELECTIONS)
        .map(|number| format!("a{number}: __typename "))
        .collect();
    assert!(!bounded(&format!("{{ {crowd} }}")));
}
