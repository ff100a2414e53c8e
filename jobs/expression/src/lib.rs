//! The expressions of `map`, `map_reduce` and `range_reduce`: parsed and evaluated by rhai, with the values and
//! operators of Python where the two differ.
//!
//! - Integers are exact at any size. `/` gives a float, `//` and `%` round down, `**` of integers is exact.
//! - `true` and `false` are also `True` and `False`; `&&` and `||` also `and` and `or`; strings may use single quotes.
//! - What Python would answer in another way than rhai does, and cannot be mended here, is an error before anything
//!   runs: `-x ** 2`, comments, assignments, unknown names.
//!
//! Evaluation is pure and deterministic. There is nothing to lose on a crash.

mod error;
mod fold;
mod functions;
mod json;
mod number;
mod ratio;
mod translate;

pub use error::ExpressionError;
pub use fold::{FOLDS, Folded, Folder, group_key};
pub use json::{json_number, parse_json, value_from_json, write_json};
pub use number::{Big, value_from_int};
pub use ratio::decimal_of_ratio;

/// Integers of any size.
pub use dashu_int::IBig;

use rhai::{AST, Engine, Scope};

/// A value of an expression.
pub type Value = rhai::Dynamic;

/// Longest expression, in bytes: it travels in every chunk.
pub const MAX_EXPRESSION_BYTES: usize = 8 << 10;

/// An expression that compiled.
pub struct Expression {
    /// The parameter it came from, for messages.
    name: &'static str,
    variables: Vec<&'static str>,
    engine: Engine,
    ast: AST,
    scope: Scope<'static>,
}

impl Expression {
    /// Compiles the text of the parameter `name`; it may use these variables. Everything that can be wrong without
    /// knowing a value is found here.
    pub fn new(name: &'static str, text: &str, variables: &[&'static str]) -> Result<Self, ExpressionError> {
        if text.len() > MAX_EXPRESSION_BYTES {
            let message = format!(
                "the expression has {} bytes, at most {MAX_EXPRESSION_BYTES} are allowed",
                text.len()
            );
            return Err(ExpressionError::new(name, message, None));
        }
        let translated = translate::translate(text, variables).map_err(|error| error.of(name))?;
        let engine = engine();
        let mut scope = Scope::new();
        for variable in variables {
            scope.push_dynamic(*variable, Value::UNIT);
        }
        let ast = engine
            .compile_expression_with_scope(&scope, &translated)
            .map_err(|error| ExpressionError::new(name, error.err_type().to_string(), error.position().position()))?;
        Ok(Self {
            name,
            variables: variables.to_vec(),
            engine,
            ast,
            scope,
        })
    }

    /// Evaluates with one value for each variable, in their order.
    pub fn eval<const N: usize>(&mut self, values: [Value; N]) -> Result<Value, ExpressionError> {
        for (variable, value) in self.variables.iter().zip(values) {
            if let Some(slot) = self.scope.get_mut(variable) {
                *slot = value;
            }
        }
        let evaluated = self.engine.eval_ast_with_scope::<Value>(&mut self.scope, &self.ast);
        let value = evaluated.map_err(|error| ExpressionError::from_rhai(self.name, *error))?;
        // A letter of a text is a text; only inside rhai it is not.
        Ok(value.as_char().map_or(value, |letter| letter.to_string().into()))
    }
}

/// An engine with our operators and functions and none of its own.
fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.set_fast_operators(false);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    functions::register(&mut engine);
    engine
}

#[cfg(test)]
mod tests;
