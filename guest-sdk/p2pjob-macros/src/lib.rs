//! The attributes `#[params]` and `#[wire]`. They add derives that find serde and schemars inside the `p2pjob` crate,
//! so that a job depends on `p2pjob` alone. Use them through `p2pjob::prelude`.

use proc_macro::TokenStream;

/// Makes a struct or enum usable as (part of) a job's parameters: `Deserialize` and `JsonSchema`, where an unknown
/// field is an error. Doc comments become descriptions in the schema; `#[serde(default)]` makes a field optional;
/// `#[schemars(range(min = 1))]` and its siblings add limits.
#[proc_macro_attribute]
pub fn params(_: TokenStream, item: TokenStream) -> TokenStream {
    with_attributes(
        "#[derive(::p2pjob::serde::Deserialize, ::p2pjob::schemars::JsonSchema)]
         #[serde(crate = \"::p2pjob::serde\", deny_unknown_fields)]
         #[schemars(crate = \"::p2pjob::schemars\")]",
        item,
    )
}

/// Makes a struct or enum usable as a chunk, partial or output: `Serialize` and `Deserialize`.
#[proc_macro_attribute]
pub fn wire(_: TokenStream, item: TokenStream) -> TokenStream {
    with_attributes(
        "#[derive(::p2pjob::serde::Serialize, ::p2pjob::serde::Deserialize)]
         #[serde(crate = \"::p2pjob::serde\")]",
        item,
    )
}

fn with_attributes(attributes: &str, item: TokenStream) -> TokenStream {
    match attributes.parse::<TokenStream>() {
        Ok(mut tokens) => {
            tokens.extend(item);
            tokens
        }
        // The text is fixed; were it ever wrong, the job's crate would not compile.
        Err(error) => format!("compile_error!(\"{error}\")").parse().unwrap_or_default(),
    }
}
