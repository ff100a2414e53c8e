//! Bounds of what one client may ask: introspection that would explode, and subscriptions of one connection. Depth and
//! complexity are the schema's own limits.

use super::error::with_codes;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextParseQuery};
use async_graphql::futures_util::stream::{BoxStream, StreamExt, once};
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Data, Executor, Request, Response, ServerError, ServerResult, Variables};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Lists of the schema's description that may lie in each other: each multiplies the answer.
const MAX_INTROSPECTION_LISTS: usize = 3;
/// Selections looked at in that check; the schema's complexity limit bounds the rest.
const MAX_SELECTIONS: usize = 10_000;
/// Subscriptions of one connection at the same time.
pub const MAX_SUBSCRIPTIONS: usize = 32;

/// Refuses introspection whose answer would grow without bound.
pub struct IntrospectionLimit;

impl ExtensionFactory for IntrospectionLimit {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for IntrospectionLimit {
    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let document = next.run(ctx, query, variables).await?;
        let mut left = MAX_SELECTIONS;
        for (_, operation) in document.operations.iter() {
            let set = &operation.node.selection_set.node;
            if !is_bounded(&document, set, 0, &mut left) {
                let message =
                    format!("introspection may nest at most {MAX_INTROSPECTION_LISTS} lists of fields or types");
                return Err(ServerError::new(message, None));
            }
        }
        Ok(document)
    }
}

/// Whether no more lists lie in each other than allowed. Fragments are followed; those in a circle use up `left`.
fn is_bounded(document: &ExecutableDocument, set: &SelectionSet, lists: usize, left: &mut usize) -> bool {
    for selection in &set.items {
        let Some(less) = left.checked_sub(1) else { return false };
        *left = less;
        let bounded = match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                let is_list = ["fields", "inputFields", "interfaces", "possibleTypes"].contains(&name);
                let lists = lists + usize::from(is_list);
                lists <= MAX_INTROSPECTION_LISTS && is_bounded(document, &field.node.selection_set.node, lists, left)
            }
            Selection::InlineFragment(fragment) => is_bounded(document, &fragment.node.selection_set.node, lists, left),
            Selection::FragmentSpread(spread) => match document.fragments.get(&spread.node.fragment_name.node) {
                Some(fragment) => is_bounded(document, &fragment.node.selection_set.node, lists, left),
                // The validation says so.
                None => true,
            },
        };
        if !bounded {
            return false;
        }
    }
    true
}

/// A schema whose streams on one connection are counted.
#[derive(Clone)]
pub struct Bounded {
    schema: super::Schema,
    room: Arc<Semaphore>,
}

impl Bounded {
    /// Of one connection.
    pub fn new(schema: super::Schema) -> Self {
        Self {
            schema,
            room: Arc::new(Semaphore::new(MAX_SUBSCRIPTIONS)),
        }
    }
}

impl Executor for Bounded {
    async fn execute(&self, request: Request) -> Response {
        with_codes(self.schema.execute(request).await)
    }

    fn execute_stream(&self, request: Request, session_data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let too_long = request.query.len() > super::MAX_QUERY_BYTES;
        let permit = Arc::clone(&self.room).try_acquire_owned();
        let refusal = if too_long {
            Some(super::too_long())
        } else if permit.is_err() {
            Some(format!(
                "a connection may have at most {MAX_SUBSCRIPTIONS} subscriptions; end one, or open another"
            ))
        } else {
            None
        };
        if let Some(message) = refusal {
            let response = Response::from_errors(vec![ServerError::new(message, None)]);
            return once(async { with_codes(response) }).boxed();
        }
        let answers = Executor::execute_stream(&self.schema, request, session_data);
        let counted = answers.map(move |response| {
            // Given back when the stream is dropped.
            let _held = &permit;
            with_codes(response)
        });
        counted.boxed()
    }
}

#[cfg(test)]
mod tests;
