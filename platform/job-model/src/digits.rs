//! JSON text in which no digit of a whole number is lost. Pure functions over text.
//!
//! JSON numbers pass through 64-bit integers and floats on their way into CBOR. A whole number that fits neither `i64`
//! nor `u64` is therefore written as a string of digits, which every job of ours reads as a number of any size.

/// Puts quotes around whole numbers that fit neither `i64` nor `u64`; everything else stays as it is, errors too.
pub fn keep_digits(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => rest.find(|c: char| !is_number_part(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if is_large_whole_number(token) {
            kept.push('"');
            kept.push_str(token);
            kept.push('"');
        } else {
            kept.push_str(token);
        }
        rest = after;
    }
    kept
}

fn is_number_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')
}

fn is_large_whole_number(token: &str) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // A leading zero is no JSON number: it stays, and is told as the error it is.
    let proper = digits == "0" || !digits.starts_with('0');
    whole && proper && token.parse::<i64>().is_err() && token.parse::<u64>().is_err()
}

/// The length of the string literal that `text` starts with, its quotes included; all of it if it does not end.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
