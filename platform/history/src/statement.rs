//! SQL text with its values, the same for both databases; where a value stands, each gets the mark it likes.

/// A value of a statement. The variants tell the type also where there is no value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Real(f64),
    /// TEXT.
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(signed(value)))
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}
impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        Self::Int(value.map(signed))
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        // Neither database compares or averages what is not a number.
        Self::Real(if value.is_finite() { value } else { 0.0 })
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(clean(value)))
    }
}
impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(clean))
    }
}

/// As the databases count: none of our numbers comes near the limit honestly.
pub fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// PostgreSQL keeps no NUL in a text; a stranger's error text must not stop the history.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Stands for a value in the text; no SQL of ours holds it otherwise.
const MARK: char = '\u{1}';

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    /// Whether the connection keeps it prepared.
    pub(crate) kept: bool,
}

impl Statement {
    /// Begins with this text.
    pub fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            values: Vec::new(),
            kept: true,
        }
    }

    /// More text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// A value.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.sql.push(MARK);
        self
    }

    /// The text as SQLite wants it. Plain question marks: it looks for names in a list, one after the other.
    pub fn sqlite_text(&self) -> String {
        self.sql.replace(MARK, "?")
    }

    /// The text as PostgreSQL wants it: `$1`, `$2`, ...
    pub fn postgres_text(&self) -> String {
        let mut text = String::with_capacity(self.sql.len() + 4 * self.values.len());
        for (at, part) in self.sql.split(MARK).enumerate() {
            if at > 0 {
                text.push('$');
                text.push_str(&at.to_string());
            }
            text.push_str(part);
        }
        text
    }

    /// Values in parentheses.
    pub fn tuple(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.sql.push('(');
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.sql.push_str(", ");
            }
            self.bind(value);
        }
        self.sql.push(')');
        self
    }

    /// Several tuples, for `VALUES`.
    pub fn tuples(&mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> &mut Self {
        for (at, row) in rows.into_iter().enumerate() {
            if at > 0 {
                self.sql.push_str(", ");
            }
            self.tuple(row);
        }
        self
    }
}
