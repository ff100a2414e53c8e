//! The one JSON object that a command prints, read by dotted paths. A field that is missing fails the test by its name.

use serde_json::Value;
use std::fmt;

/// A JSON object of the program.
#[derive(Clone, PartialEq, Debug)]
pub struct Report(pub Value);

impl Report {
    /// What lies at a path such as `node.peers_count` or `nodes.0.pid`.
    #[track_caller]
    pub fn at(&self, path: &str) -> &Value {
        self.find(path)
            .unwrap_or_else(|| panic!("there is no {path} in {}", self.0))
    }

    /// The same, if it is there.
    pub fn find(&self, path: &str) -> Option<&Value> {
        self.0.pointer(&format!("/{}", path.replace('.', "/")))
    }

    /// A text.
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        let value = self.at(path);
        value
            .as_str()
            .unwrap_or_else(|| panic!("{path} is no text but {value} in {}", self.0))
    }

    /// A whole number.
    #[track_caller]
    pub fn number(&self, path: &str) -> i64 {
        let value = self.at(path);
        value
            .as_i64()
            .unwrap_or_else(|| panic!("{path} is no whole number but {value} in {}", self.0))
    }

    /// True or false.
    #[track_caller]
    pub fn flag(&self, path: &str) -> bool {
        let value = self.at(path);
        value
            .as_bool()
            .unwrap_or_else(|| panic!("{path} is neither true nor false but {value} in {}", self.0))
    }

    /// The members of a list.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Self> {
        let value = self.at(path);
        let list = value
            .as_array()
            .unwrap_or_else(|| panic!("{path} is no list but {value} in {}", self.0));
        list.iter().cloned().map(Self).collect()
    }

    /// The texts of a list of texts.
    #[track_caller]
    pub fn texts(&self, path: &str) -> Vec<String> {
        let text = |item: &Self| {
            item.0
                .as_str()
                .unwrap_or_else(|| panic!("{path} holds {item}, no text"))
                .to_owned()
        };
        self.list(path).iter().map(text).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
