//! SQL text as tokens.

/// A word, name, value or sign of SQL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word without quotes, in lower case: a keyword or a name. What was written is beside it, for SQLite's names.
    Word(String, String),
    /// A name in quotes.
    Name(String),
    /// A text.
    Text(String),
    /// Bytes, in hexadecimal digits.
    Bytes(String),
    /// A number.
    Number(String),
    /// An operator, parenthesis, comma…
    Sign(&'static str),
}

/// The longest first.
const SIGNS: &[&str] = &[
    "!~~*", "!~~", "!~*", "~~*", "->>", "||", "::", "<>", "!=", "<=", ">=", "==", "~~", "~*", "!~", "->", "(", ")",
    "[", "]", ",", ".", ";", "=", "<", ">", "+", "-", "*", "/", "%", "~", "&", "|", "@", "#", "?", ":", "^",
];

/// The tokens of a statement, comments left out; `None` if a quote does not end, or a character has no place in SQL.
pub(super) fn tokens(sql: &str) -> Option<Vec<Token>> {
    let mut rest = sql;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Some(tokens) };
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        let (token, after) = match first {
            '\'' => quoted(rest, '\'', false).map(|(text, after)| (Token::Text(text), after))?,
            '"' | '`' => quoted(rest, first, false).map(|(name, after)| (Token::Name(name), after))?,
            '[' if tokens.last().is_none_or(|last| !is_array(last)) => {
                let (name, after) = rest.get(1..)?.split_once(']')?;
                (Token::Name(name.to_owned()), after)
            }
            'x' | 'X' if rest.get(1..2) == Some("'") => {
                quoted(rest.get(1..)?, '\'', false).map(|(digits, after)| (Token::Bytes(digits), after))?
            }
            'e' | 'E' if rest.get(1..2) == Some("'") => {
                quoted(rest.get(1..)?, '\'', true).map(|(text, after)| (Token::Text(text), after))?
            }
            _ if first.is_ascii_digit()
                || (first == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit())) =>
            {
                let end = number_end(rest);
                (Token::Number(rest.get(..end)?.to_owned()), rest.get(end..)?)
            }
            _ if first.is_alphabetic() || first == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let word = rest.get(..end)?;
                (Token::Word(word.to_lowercase(), word.to_owned()), rest.get(end..)?)
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
                (Token::Sign(sign), rest.get(sign.len()..)?)
            }
        };
        tokens.push(token);
        rest = after;
    }
}

/// Whether a bracket after it opens an array or an index rather than a name.
fn is_array(token: &Token) -> bool {
    matches!(token, Token::Word(word, _) if word == "array")
        || matches!(token, Token::Name(_) | Token::Sign(")") | Token::Sign("]"))
        || matches!(token, Token::Word(word, _) if ["text", "varying", "integer", "bigint", "numeric", "uuid", "date"].contains(&word.as_str()))
}

/// What stands between quotes, and what comes after.
fn quoted(text: &str, quote: char, escapes: bool) -> Option<(String, &str)> {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if escapes && character == '\\' {
            inner.push(characters.next()?.1);
        } else if character != quote {
            inner.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            inner.push(quote);
            characters.next();
        } else {
            return Some((inner, text.get(at + quote.len_utf8()..)?));
        }
    }
    None
}

fn number_end(text: &str) -> usize {
    let mut end = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(end) {
        let exponent = matches!(byte, b'+' | b'-') && end > 0 && matches!(bytes.get(end - 1), Some(b'e' | b'E'));
        if !(byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E') || exponent) {
            break;
        }
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_are_read_as_sql_has_them() {
        let found = tokens("a /* b */ = 'it''s' -- c\n AND \"x\"\"y\"<=-1.5e-3").expect("tokens");
        let word = |word: &str| Token::Word(word.to_lowercase(), word.to_owned());
        assert_eq!(
            found,
            [
                word("a"),
                Token::Sign("="),
                Token::Text("it's".into()),
                word("AND"),
                Token::Name("x\"y".into()),
                Token::Sign("<="),
                Token::Sign("-"),
                Token::Number("1.5e-3".into()),
            ]
        );
        assert_eq!(tokens("'never ends"), None);
    }
}
