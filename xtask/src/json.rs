//! Reading JSON (RFC 8259), as far as the demo needs it: the output of `p2pjob --json`.

use crate::process::Failure;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// A JSON value. Numbers stay text, so that no digit is lost.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, in its order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one value.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let mut reader = Reader {
            bytes: text.as_bytes(),
            at: 0,
        };
        let value = reader.value(0)?;
        reader.space();
        if reader.at == reader.bytes.len() {
            Ok(value)
        } else {
            Err(reader.wrong("something follows the value"))
        }
    }

    /// A field of an object; null when it is not there.
    pub fn get(&self, name: &str) -> &Json {
        match self {
            Self::Object(fields) => fields
                .iter()
                .find(|(field, _)| field == name)
                .map_or(&Self::Null, |(_, value)| value),
            _ => &Self::Null,
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Json] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The fields of an object; none for anything else.
    pub fn fields(&self) -> &[(String, Json)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// A string or number as text; empty for anything else.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            _ => "",
        }
    }

    /// A number; 0 for anything else.
    pub fn number(&self) -> f64 {
        self.text().parse().unwrap_or(0.0)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn wrong(&self, why: &str) -> Failure {
        Failure::new(format!("not JSON at byte {}: {why}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self
            .bytes
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()));
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, Failure> {
        if depth > MAX_DEPTH {
            return Err(self.wrong("nested too deeply"));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => Ok(Json::Number(self.digits())),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ if self.take("null") => Ok(Json::Null),
            _ => Err(self.wrong("expected a value")),
        }
    }

    fn digits(&mut self) -> String {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
        String::from_utf8_lossy(self.bytes.get(start..self.at).unwrap_or_default()).into_owned()
    }

    fn list(&mut self, depth: usize) -> Result<Json, Failure> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            if self.take("]") {
                return Ok(Json::List(items));
            }
            if !items.is_empty() && !self.take(",") {
                return Err(self.wrong("expected , or ]"));
            }
            items.push(self.value(depth + 1)?);
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Failure> {
        self.at += 1;
        let mut fields = Vec::new();
        loop {
            self.space();
            if self.take("}") {
                return Ok(Json::Object(fields));
            }
            if !fields.is_empty() && !self.take(",") {
                return Err(self.wrong("expected , or }"));
            }
            self.space();
            let name = self.string()?;
            self.space();
            if !self.take(":") {
                return Err(self.wrong("expected :"));
            }
            fields.push((name, self.value(depth + 1)?));
        }
    }

    fn string(&mut self) -> Result<String, Failure> {
        if !self.take("\"") {
            return Err(self.wrong("expected a string"));
        }
        let mut bytes = Vec::new();
        loop {
            let byte = self.peek().ok_or_else(|| self.wrong("the string does not end"))?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).map_err(|_| self.wrong("the string is no UTF-8")),
                b'\\' => {
                    let escaped = self.escape()?;
                    bytes.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Failure> {
        let byte = self.peek().ok_or_else(|| self.wrong("the string does not end"))?;
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.four_digits()?;
                let low = (0xD800..0xDC00).contains(&first) && self.take("\\u");
                let code = if low {
                    0x10000 + ((first - 0xD800) << 10) + (self.four_digits()? & 0x3FF)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.wrong("half a surrogate pair"))?
            }
            other => char::from(other),
        })
    }

    fn four_digits(&mut self) -> Result<u32, Failure> {
        let text = self
            .bytes
            .get(self.at..self.at + 4)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = text.and_then(|text| u32::from_str_radix(text, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.wrong("expected four hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests;
