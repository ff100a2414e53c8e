//! From the expression as people write it to rhai's syntax, character for character where possible, so that the
//! positions in messages stay right. Finds unknown names and what rhai would read in another way than Python.

use crate::error::ExpressionError;
use crate::functions::{CONSTANTS, FLOOR_DIVISION, FUNCTIONS};
use std::iter::Peekable;
use std::str::Chars;

/// One piece of an expression.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Token {
    kind: Kind,
    /// As rhai shall see it.
    text: String,
    /// Its first character, from 1.
    at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Space,
    Text,
    Number,
    Name,
    Symbol,
}

type Outcome<T> = Result<T, ExpressionError>;

fn fail<T>(at: usize, message: impl Into<String>) -> Outcome<T> {
    Err(ExpressionError::new("", message.into(), Some(at)))
}

/// Translates an expression that may use these variables.
pub(crate) fn translate(text: &str, variables: &[&str]) -> Outcome<String> {
    if text.trim().is_empty() {
        return Err(ExpressionError::new("", "the expression is empty".to_owned(), None));
    }
    let mut tokens = Lexer {
        rest: text.chars().peekable(),
        at: 1,
    }
    .tokens()?;
    check_minus_before_power(&tokens)?;
    name_check(&mut tokens, variables)?;
    Ok(tokens.into_iter().map(|token| token.text).collect())
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    at: usize,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Outcome<Vec<Token>> {
        let mut tokens = Vec::new();
        while let Some(first) = self.rest.peek().copied() {
            let at = self.at;
            let (kind, text) = match first {
                _ if first.is_whitespace() => (Kind::Space, self.take_while(char::is_whitespace).replace('\n', " ")),
                '"' | '\'' => (Kind::Text, self.text(first)?),
                '0'..='9' => (Kind::Number, self.number()?),
                _ if first == '_' || first.is_alphabetic() => (
                    Kind::Name,
                    self.take_while(|letter| letter == '_' || letter.is_alphanumeric()),
                ),
                _ => (Kind::Symbol, self.symbol()?),
            };
            tokens.push(Token { kind, text, at });
        }
        Ok(tokens)
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.rest.next()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(letter) = self.rest.peek().copied().filter(|letter| wanted(*letter)) {
            taken.push(letter);
            self.next();
        }
        taken
    }

    /// A string literal, with double quotes in the end.
    fn text(&mut self, quote: char) -> Outcome<String> {
        let at = self.at;
        let mut text = String::from("\"");
        self.next();
        while let Some(letter) = self.next() {
            match letter {
                '\\' => match self.next() {
                    Some('\'') => text.push('\''),
                    Some(escaped) => text.extend(['\\', escaped]),
                    None => break,
                },
                _ if letter == quote => {
                    text.push('"');
                    return Ok(text);
                }
                '"' => text.push_str("\\\""),
                '\n' => return fail(self.at - 1, "a text must end on its line; write \\n for a line end"),
                _ => text.push(letter),
            }
        }
        fail(at, "this text has no closing quote")
    }

    /// A number; an integer that does not fit in 64 bits becomes `int("...")`.
    fn number(&mut self) -> Outcome<String> {
        let at = self.at;
        let mut text = self.take_while(|letter| letter == '_' || letter.is_ascii_alphanumeric());
        let based = text.len() > 1 && text.starts_with('0') && text.as_bytes()[1].is_ascii_alphabetic();
        let mut behind = self.rest.clone();
        let fraction = behind.next() == Some('.') && behind.next().is_some_and(|letter| letter.is_ascii_digit());
        if fraction && !based {
            self.next();
            text.push('.');
            text.push_str(&self.take_while(|letter| letter == '_' || letter.is_ascii_alphanumeric()));
        }
        let signed = matches!(self.rest.peek(), Some('+' | '-')) && text.ends_with(['e', 'E']);
        if signed && !based {
            text.extend(self.next());
            text.push_str(&self.take_while(|letter| letter.is_ascii_digit()));
        }
        let plain = text.replace('_', "");
        if plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(if plain.parse::<i64>().is_ok() {
                plain
            } else {
                format!("int(\"{plain}\")")
            });
        }
        let hexadecimal = based && i64::from_str_radix(plain.get(2..).unwrap_or(""), 16).is_ok() && plain[1..2] == *"x";
        if hexadecimal || (!based && plain.parse::<f64>().is_ok_and(f64::is_finite)) {
            return Ok(text);
        }
        fail(at, format!("`{text}` is not a number"))
    }

    fn symbol(&mut self) -> Outcome<String> {
        let at = self.at;
        let mut text = String::new();
        text.extend(self.next());
        let second = self.rest.peek().copied();
        let pair = match (text.as_str(), second) {
            ("/", Some('/')) => {
                self.next();
                return Ok(format!("{FLOOR_DIVISION} "));
            }
            ("/", Some('*')) => return fail(at, "comments are not allowed here"),
            ("*", Some('*')) | ("&", Some('&')) | ("|", Some('|')) | ("#", Some('{')) => true,
            ("=" | "!" | "<" | ">", Some('=')) | ("=", Some('>')) => true,
            ("=", _) => return fail(at, "`=` assigns; write `==` to compare"),
            ("+" | "-" | "*" | "/" | "%", Some('=')) => return fail(at, "assignments are not allowed here"),
            ("~" | "@" | "$" | "#" | "`" | "?" | "\\" | "^" | "&" | "|", _) => {
                return fail(at, format!("unexpected `{text}`"));
            }
            _ => false,
        };
        if pair {
            text.extend(self.next());
        }
        Ok(text)
    }
}

/// Whether a value may end with this token, so that a minus behind it subtracts.
fn ends_value(token: &Token) -> bool {
    match token.kind {
        Kind::Text | Kind::Number => true,
        Kind::Name => !matches!(token.text.as_str(), "and" | "or" | "in" | "not" | "if" | "else"),
        Kind::Symbol => matches!(token.text.as_str(), ")" | "]" | "}"),
        Kind::Space => false,
    }
}

/// `-x ** 2` is `-(x ** 2)` in Python and `(-x) ** 2` in rhai: refused, so that nobody gets the other one.
fn check_minus_before_power(tokens: &[Token]) -> Outcome<()> {
    let tokens: Vec<&Token> = tokens.iter().filter(|token| token.kind != Kind::Space).collect();
    for (at, token) in tokens.iter().enumerate() {
        let prefix = token.text == "-" && (at == 0 || !ends_value(tokens[at - 1]));
        // Behind `**` a minus belongs to the exponent, which both read alike.
        if prefix && !(at > 0 && tokens[at - 1].text == "**") {
            let behind = operand_end(&tokens, at + 1);
            if tokens.get(behind).is_some_and(|token| token.text == "**") {
                return fail(
                    token.at,
                    "a minus before a power is ambiguous; write -(x ** 2) or (-x) ** 2",
                );
            }
        }
    }
    Ok(())
}

/// The index behind the operand that begins at `at`: a name, number, text or group with its calls, indices and fields.
fn operand_end(tokens: &[&Token], mut at: usize) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    while text(at) == "-" {
        at += 1;
    }
    if !matches!(text(at), "(" | "[") {
        at += 1;
    }
    loop {
        match text(at) {
            "." => at += 2,
            "(" | "[" => {
                let mut depth = 0;
                while at < tokens.len() {
                    depth += i32::from(matches!(text(at), "(" | "[")) - i32::from(matches!(text(at), ")" | "]"));
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => return at,
        }
    }
}

/// Checks every name, and writes Python's words as rhai's.
fn name_check(tokens: &mut [Token], variables: &[&str]) -> Outcome<()> {
    for at in 0..tokens.len() {
        if tokens[at].kind != Kind::Name {
            continue;
        }
        let neighbour = |token: Option<&Token>| token.map_or(String::new(), |token| token.text.clone());
        let before = neighbour(tokens[..at].iter().rev().find(|token| token.kind != Kind::Space));
        let behind = neighbour(tokens[at + 1..].iter().find(|token| token.kind != Kind::Space));
        let token = &mut tokens[at];
        let name = token.text.as_str();
        let word = match name {
            "and" => Some("&& ".to_owned()),
            "or" => Some("||".to_owned()),
            "True" => Some("true".to_owned()),
            "False" => Some("false".to_owned()),
            "None" | "null" => Some("()".to_owned()),
            "not" if behind == "in" => Some("!".to_owned()),
            "not" => return fail(token.at, "`not` is not available; write !(...)"),
            "true" | "false" | "in" => None,
            "if" | "else" if before == "{" || before == "}" || before.is_empty() || before == "(" || name == "else" => {
                None
            }
            "if" => return fail(token.at, "write `if condition { a } else { b }`"),
            _ if before == "." && behind != "(" => None,
            _ if behind == ":" => None,
            _ if behind == "(" && FUNCTIONS.split(' ').any(|known| known == name) => None,
            _ if behind == "(" => {
                let known = FUNCTIONS.replace(' ', ", ");
                return fail(token.at, format!("there is no function `{name}`; there are {known}"));
            }
            _ if variables.contains(&name) => None,
            _ => match CONSTANTS.iter().find(|(constant, _)| *constant == name) {
                Some((_, value)) => Some(format!("{value:?}")),
                None => {
                    return fail(
                        token.at,
                        format!("there is no `{name}` here; use {}", variables.join(", ")),
                    );
                }
            },
        };
        if let Some(word) = word {
            token.text = word;
        }
    }
    // `not in` is one operator, `!in`: the space between goes.
    for at in 1..tokens.len() {
        if tokens[at].kind == Kind::Space && tokens[at - 1].kind == Kind::Name && tokens[at - 1].text == "!" {
            tokens[at].text.clear();
        }
    }
    Ok(())
}
