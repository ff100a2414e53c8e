//! JSON text, and pieces of one: a job whose result is its chunks' outputs one after the other writes rows without the
//! brackets around them. So two texts are compared token by token, without a tree: numbers within the tolerance, everything
//! else equal, white space aside. How deep brackets are nested is only counted.
//!
//! The tensor of a number, whose largest element counts, is the outermost array it lies in; a number in none stands alone.

use super::tensor::Spread;
use super::{Finding, Tally};
use job_model::Tolerance;

/// What is said of outputs of no known form.
const UNKNOWN: &str = "the outputs are neither .npy, .npz, safetensors nor JSON; for bare numbers say which: --compare \
                       tolerance:RTOL,ATOL,f32 or f64";

#[derive(Clone, Copy, PartialEq, Debug)]
enum Token<'a> {
    /// Of any kind of bracket.
    Open(u8),
    Close(u8),
    /// Comma or colon.
    Mark(u8),
    /// With its quotes, as it is written.
    Text(&'a [u8]),
    /// `true`, `null` and the like.
    Word(&'a [u8]),
    Number(f64),
}

/// The tokens of a text; an error where it is no JSON.
struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (token, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        token
    }

    /// The next token; none at the end.
    fn next(&mut self) -> Result<Option<Token<'a>>, ()> {
        let space = self
            .0
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let space = space.count();
        self.take(space);
        let Some(&first) = self.0.first() else { return Ok(None) };
        let token = match first {
            b'[' | b'{' => {
                self.take(1);
                Token::Open(first)
            }
            b']' | b'}' => {
                self.take(1);
                Token::Close(first)
            }
            b',' | b':' => {
                self.take(1);
                Token::Mark(first)
            }
            b'"' => Token::Text(self.text()?),
            _ => self.word()?,
        };
        Ok(Some(token))
    }

    fn text(&mut self) -> Result<&'a [u8], ()> {
        let mut escaped = false;
        let ends = |byte: &u8| {
            let end = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            end
        };
        let end = self.0.iter().skip(1).position(ends).ok_or(())?;
        Ok(self.take(end + 2))
    }

    fn word(&mut self) -> Result<Token<'a>, ()> {
        let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = self.0.iter().take_while(inside).count();
        let word = self.take(length);
        match word {
            b"true" | b"false" | b"null" | b"NaN" | b"Infinity" | b"-Infinity" => return Ok(Token::Word(word)),
            _ => {}
        }
        // Rust reads a few words that JSON has not: `inf`, `+1`.
        let starts = word.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        let digit = word.iter().find(|byte| **byte != b'-').is_some_and(u8::is_ascii_digit);
        let number = std::str::from_utf8(word).ok().filter(|_| starts && digit);
        let number = number.and_then(|text| text.parse::<f64>().ok());
        number.map(Token::Number).ok_or(())
    }
}

/// Where in the nesting the comparison stands.
#[derive(Default)]
struct Place {
    depth: u64,
    /// The depth outside of the outermost array, and what was seen in it.
    array: Option<(u64, Spread)>,
}

impl Place {
    fn enter(&mut self, bracket: u8) {
        if bracket == b'[' && self.array.is_none() {
            self.array = Some((self.depth, Spread::default()));
        }
        self.depth += 1;
    }

    fn leave(&mut self, tolerance: &Tolerance, tally: &mut Tally) {
        // A piece of a text may close what another one opened.
        self.depth = self.depth.saturating_sub(1);
        if let Some((_, spread)) = self.array.take_if(|(outside, _)| self.depth <= *outside) {
            spread.end(tolerance, tally);
        }
    }
}

/// Compares two texts.
pub(super) fn compare(reference: &[u8], other: &[u8], tolerance: &Tolerance) -> Finding {
    let (mut one, mut two) = (Tokens(reference), Tokens(other));
    let (mut tally, mut place) = (Tally::default(), Place::default());
    loop {
        match (one.next(), two.next()) {
            (Err(()), Err(())) => return Finding::Unknown(UNKNOWN.to_owned()),
            (Ok(None), Ok(None)) => break,
            (Ok(Some(Token::Number(x))), Ok(Some(Token::Number(y)))) => {
                let mut alone = Spread::default();
                let spread = place.array.as_mut().map_or(&mut alone, |(_, spread)| spread);
                spread.add(x, y);
                if place.array.is_none() {
                    alone.end(tolerance, &mut tally);
                }
            }
            (Ok(Some(Token::Open(bracket))), Ok(Some(Token::Open(same)))) if bracket == same => place.enter(bracket),
            (Ok(Some(Token::Close(bracket))), Ok(Some(Token::Close(same)))) if bracket == same => {
                place.leave(tolerance, &mut tally);
            }
            (Ok(token), Ok(same)) if token == same => {}
            _ => return Finding::Apart(None),
        }
    }
    if let Some((_, spread)) = place.array {
        spread.end(tolerance, &mut tally);
    }
    tally.finding()
}
