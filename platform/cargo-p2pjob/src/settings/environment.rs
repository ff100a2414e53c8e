//! The layer of the environment: `P2PJOB_SECTION__KEY`, such as `P2PJOB_NETWORK__LISTEN`, and `P2PJOB_DATA_DIR`.

use super::merge::{Assignment, Origin, Problem};
use super::{Layer, keys};
use crate::environment::Environment;

const PREFIX: &str = "P2PJOB_";

/// The variable of a key: `network.listen` is `P2PJOB_NETWORK__LISTEN`.
pub fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// Reads the variables. One with `__` that names no key is unknown; other `P2PJOB_` names mean other things.
pub fn read(environment: &Environment) -> Layer {
    let mut layer = Layer::default();
    // An empty variable counts as none.
    for (name, text) in environment.iter().filter(|(_, text)| !text.is_empty()) {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path = rest.to_lowercase().replace("__", ".");
        let origin = Origin::Environment(name.to_owned());
        match keys::find(&path) {
            Some(key) => {
                let value = keys::read_value(key.kind, text);
                layer.assignments.push(Assignment { path, value, origin });
            }
            None if rest.contains("__") => layer.problems.push(Problem::unknown(&path, &origin)),
            None => {}
        }
    }
    layer
}
