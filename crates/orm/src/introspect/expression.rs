//! Expressions of SQL as trees, in one form for all ways in which an engine may print the same.

use std::str::FromStr;

use jiff::Timestamp;

use super::token::{Token, tokens};
use crate::engine::Dialect;

/// An expression over the columns of one table.
///
/// Two texts of the same meaning become the same tree where they differ in parentheses, in casts that change nothing
/// but a type's name or width, and in what PostgreSQL makes of `IN` and `BETWEEN`. A number equals its text: which of the
/// two stands beside a column makes no difference to it.
#[derive(Debug, Clone)]
pub(super) enum Sql {
    Column(String),
    Text(String),
    Number(String),
    Bytes(String),
    Truth(bool),
    Null,
    List(Vec<Sql>),
    /// A function by its name in lower case.
    Call(String, Vec<Sql>),
    Not(Box<Sql>),
    Negative(Box<Sql>),
    /// An operator, by its sign or its name in lower case.
    Binary(String, Box<Sql>, Box<Sql>),
    Between(Box<Sql>, Box<Sql>, Box<Sql>),
    All(Vec<Sql>),
    Any(Vec<Sql>),
    IsNull(Box<Sql>),
    Cast(Box<Sql>, String),
}

impl PartialEq for Sql {
    fn eq(&self, other: &Self) -> bool {
        use Sql::*;
        match (self, other) {
            (Text(a) | Number(a), Text(b) | Number(b)) => a == b,
            (Column(a), Column(b)) | (Bytes(a), Bytes(b)) => a == b,
            (Truth(a), Truth(b)) => a == b,
            (Null, Null) => true,
            (List(a), List(b)) | (All(a), All(b)) | (Any(a), Any(b)) => a == b,
            (Call(name, a), Call(other, b)) => name == other && a == b,
            (Not(a), Not(b)) | (Negative(a), Negative(b)) | (IsNull(a), IsNull(b)) => a == b,
            (Binary(sign, a, b), Binary(other, c, d)) => sign == other && a == c && b == d,
            (Between(a, b, c), Between(d, e, f)) => a == d && b == e && c == f,
            (Cast(a, kind), Cast(b, other)) => kind == other && a == b,
            _ => false,
        }
    }
}

impl Sql {
    /// Reads an expression; `None` if it holds what is not known here.
    pub(super) fn read(sql: &str, dialect: Dialect) -> Option<Sql> {
        let mut reader = Reader::new(tokens(sql)?, dialect);
        let found = reader.expression(0)?;
        reader.is_done().then_some(found)
    }
}

/// Reads tokens from left to right.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
    dialect: Dialect,
}

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARED: u8 = 4;
const JOINED: u8 = 5;
const SUM: u8 = 6;
const PRODUCT: u8 = 7;
const SIGNED: u8 = 8;

impl Reader {
    pub(super) fn new(tokens: Vec<Token>, dialect: Dialect) -> Self {
        Reader { tokens, at: 0, dialect }
    }

    /// The place of the next token.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// All tokens, read or not.
    pub(super) fn all(self) -> Vec<Token> {
        self.tokens
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Whether the next tokens are these words.
    pub(super) fn is_at(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(
            |(offset, word)| matches!(self.tokens.get(self.at + offset), Some(Token::Word(found, _)) if found == word),
        )
    }

    /// Passes over these words, if they come next.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let found = self.is_at(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Passes over a sign, if it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        if found {
            self.at += 1;
        }
        found
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Option<String> {
        match self.next()? {
            // PostgreSQL's are in lower case where they are not quoted, SQLite's as they were written.
            Token::Word(lower, _) if self.dialect == Dialect::Postgres => Some(lower),
            Token::Word(_, written) => Some(written),
            // SQLite takes a text for a name where only a name can be.
            Token::Name(name) | Token::Text(name) => Some(name),
            _ => None,
        }
    }

    /// The tokens of what stands in parentheses.
    pub(super) fn parentheses(&mut self) -> Option<Reader> {
        if !self.sign("(") {
            return None;
        }
        let start = self.at;
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") => depth -= 1,
                _ => {}
            }
        }
        Some(Reader::new(self.tokens.get(start..self.at - 1)?.to_vec(), self.dialect))
    }

    /// What is left, cut at commas that stand in no parentheses.
    pub(super) fn split(self) -> Vec<Reader> {
        let mut parts = vec![Vec::new()];
        let mut depth = 0_usize;
        for token in self.tokens.into_iter().skip(self.at) {
            match token {
                Token::Sign("(" | "[") => depth += 1,
                Token::Sign(")" | "]") => depth = depth.saturating_sub(1),
                Token::Sign(",") if depth == 0 => {
                    parts.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if let Some(last) = parts.last_mut() {
                last.push(token);
            }
        }
        parts.into_iter().map(|tokens| Reader::new(tokens, self.dialect)).collect()
    }

    /// The names in parentheses.
    pub(super) fn names(&mut self) -> Option<Vec<String>> {
        self.parentheses()?.split().into_iter().map(|mut part| part.name()).collect()
    }

    pub(super) fn expression(&mut self, least: u8) -> Option<Sql> {
        let mut left = self.operand()?;
        loop {
            let before = self.at;
            let Some(next) = self.operator(left.clone(), least) else {
                // Either no operator that binds as much, or one that is not known, which whoever called finds left over.
                self.at = before;
                return Some(left);
            };
            left = next;
        }
    }

    /// The operator after `left`, with what is on its right.
    fn operator(&mut self, left: Sql, least: u8) -> Option<Sql> {
        let binds = |strength: u8| strength >= least.max(1);
        if binds(OR) && self.words(&["or"]) {
            return Some(join(left, self.expression(AND)?, false));
        }
        if binds(AND) && self.words(&["and"]) {
            return Some(join(left, self.expression(NOT)?, true));
        }
        if binds(COMPARED) {
            let negated = self.is_at(&["not"]) && {
                self.at += 1;
                true
            };
            if let Some(found) = self.worded(left.clone(), negated) {
                return Some(found);
            }
            if negated {
                return None;
            }
        }
        let sign = match self.next()? {
            Token::Sign(sign) => sign,
            _ => return None,
        };
        let arithmetic = match sign {
            "||" => Some(JOINED),
            "+" | "-" => Some(SUM),
            "*" | "/" | "%" => Some(PRODUCT),
            _ => None,
        };
        if let Some(strength) = arithmetic {
            if !binds(strength) {
                return None;
            }
            return Some(binary(sign, left, self.expression(strength + 1)?));
        }
        if !binds(COMPARED) {
            return None;
        }
        if sign == "=" && self.words(&["any"]) {
            return Some(binary("in", left, self.list()?));
        }
        if sign == "<>" && self.words(&["all"]) {
            return Some(Sql::Not(Box::new(binary("in", left, self.list()?))));
        }
        let right = self.expression(JOINED)?;
        Some(match sign {
            "=" | "==" => binary("=", left, right),
            "<>" | "!=" => Sql::Not(Box::new(binary("=", left, right))),
            "<" | "<=" | ">" | ">=" => binary(sign, left, right),
            "~~" => binary("like", left, right),
            "!~~" => Sql::Not(Box::new(binary("like", left, right))),
            "~" => binary("regexp", left, right),
            "~*" => binary("iregexp", left, right),
            _ => return None,
        })
    }

    /// A comparison whose operator is a word.
    fn worded(&mut self, left: Sql, negated: bool) -> Option<Sql> {
        let found = if self.words(&["is"]) {
            let not = self.words(&["not"]);
            if !self.words(&["null"]) {
                return None;
            }
            let is_null = Sql::IsNull(Box::new(left));
            if not { Sql::Not(Box::new(is_null)) } else { is_null }
        } else if self.words(&["isnull"]) {
            Sql::IsNull(Box::new(left))
        } else if self.words(&["notnull"]) {
            Sql::Not(Box::new(Sql::IsNull(Box::new(left))))
        } else if self.words(&["in"]) {
            binary("in", left, self.list()?)
        } else if self.words(&["between"]) {
            let from = self.expression(JOINED)?;
            if !self.words(&["and"]) {
                return None;
            }
            let to = self.expression(JOINED)?;
            Sql::Between(Box::new(left), Box::new(from), Box::new(to))
        } else if self.words(&["like"]) {
            let pattern = self.expression(JOINED)?;
            if self.words(&["escape"]) && self.next() != Some(Token::Text("\\".to_owned())) {
                return None;
            }
            binary("like", left, pattern)
        } else if self.words(&["regexp"]) {
            binary("regexp", left, self.expression(JOINED)?)
        } else {
            return None;
        };
        Some(if negated { Sql::Not(Box::new(found)) } else { found })
    }

    /// What is on the right of `IN` or `ANY`: several expressions.
    fn list(&mut self) -> Option<Sql> {
        let mut inner = self.parentheses()?;
        if matches!(inner.peek(), Some(Token::Sign("(")))
            || matches!(inner.peek(), Some(Token::Word(word, _)) if word == "array")
        {
            let mut attempt = inner.clone();
            if let Some(list @ Sql::List(_)) = attempt.expression(0)
                && attempt.is_done()
            {
                return Some(list);
            }
        }
        inner.at = 0;
        list_of(inner)
    }

    fn operand(&mut self) -> Option<Sql> {
        if self.words(&["not"]) {
            return Some(negate(self.expression(NOT)?));
        }
        if self.sign("-") {
            let operand = self.expression(SIGNED)?;
            return Some(match operand {
                Sql::Number(number) => Sql::Number(format!("-{number}")),
                other => Sql::Negative(Box::new(other)),
            });
        }
        if self.sign("+") {
            return self.expression(SIGNED);
        }
        let mut operand = self.atom()?;
        while self.sign("::") {
            let kind = self.type_name()?;
            operand = cast(operand, &kind);
        }
        Some(operand)
    }

    fn atom(&mut self) -> Option<Sql> {
        if matches!(self.peek(), Some(Token::Sign("("))) {
            let mut inner = self.parentheses()?;
            let found = inner.expression(0)?;
            return inner.is_done().then_some(found);
        }
        match self.next()? {
            Token::Text(text) => Some(Sql::Text(text)),
            Token::Number(number) => Some(Sql::Number(number)),
            Token::Bytes(digits) => Some(Sql::Bytes(digits)),
            Token::Name(name) => Some(Sql::Column(name)),
            Token::Word(word, written) => self.worded_atom(&word, written),
            Token::Sign(_) => None,
        }
    }

    fn worded_atom(&mut self, word: &str, written: String) -> Option<Sql> {
        match word {
            "null" => return Some(Sql::Null),
            "true" => return Some(Sql::Truth(true)),
            "false" => return Some(Sql::Truth(false)),
            "case" | "select" | "exists" => return None,
            "array" if self.sign("[") => {
                let start = self.at;
                let mut depth = 1;
                while depth > 0 {
                    match self.next()? {
                        Token::Sign("[") => depth += 1,
                        Token::Sign("]") => depth -= 1,
                        _ => {}
                    }
                }
                return list_of(Reader::new(self.tokens.get(start..self.at - 1)?.to_vec(), self.dialect));
            }
            "cast" => {
                let mut inner = self.parentheses()?;
                let operand = inner.expression(0)?;
                if !inner.words(&["as"]) {
                    return None;
                }
                let kind = inner.type_name()?;
                return inner.is_done().then(|| cast(operand, &kind));
            }
            _ => {}
        }
        if matches!(self.peek(), Some(Token::Sign("("))) {
            let inner = self.parentheses()?;
            let arguments = if inner.tokens.is_empty() {
                Vec::new()
            } else {
                match list_of(inner)? {
                    Sql::List(arguments) => arguments,
                    _ => return None,
                }
            };
            return Some(Sql::Call(word.to_owned(), arguments));
        }
        if word.starts_with("current_") {
            return Some(Sql::Call(word.to_owned(), Vec::new()));
        }
        Some(Sql::Column(if self.dialect == Dialect::Postgres { word.to_owned() } else { written }))
    }

    /// The name of a type, as far as it goes.
    fn type_name(&mut self) -> Option<String> {
        let mut name = match self.next()? {
            Token::Word(word, _) => word,
            Token::Name(name) => name,
            _ => return None,
        };
        while let Some(Token::Word(word, _)) = self.peek() {
            if !["varying", "precision", "with", "without", "time", "zone", "unsigned"].contains(&word.as_str()) {
                break;
            }
            name.push(' ');
            name.push_str(word);
            self.at += 1;
        }
        if matches!(self.peek(), Some(Token::Sign("("))) {
            self.parentheses()?;
            // `timestamp(6) with time zone`
            for rest in [["with", "time", "zone"], ["without", "time", "zone"]] {
                if self.words(&rest) {
                    name.push(' ');
                    name.push_str(&rest.join(" "));
                }
            }
        }
        if self.sign("[") {
            self.sign("]").then_some(())?;
            name.push_str("[]");
        }
        Some(name)
    }
}

fn list_of(inner: Reader) -> Option<Sql> {
    let mut items = Vec::new();
    for mut part in inner.split() {
        let item = part.expression(0)?;
        if !part.is_done() {
            return None;
        }
        items.push(item);
    }
    Some(Sql::List(items))
}

fn binary(operator: &str, left: Sql, right: Sql) -> Sql {
    Sql::Binary(operator.to_owned(), Box::new(left), Box::new(right))
}

fn negate(condition: Sql) -> Sql {
    Sql::Not(Box::new(condition))
}

/// Both or either; a chain of them is one.
fn join(left: Sql, right: Sql, all: bool) -> Sql {
    let mut parts = Vec::new();
    for side in [left, right] {
        match side {
            Sql::All(more) if all => parts.extend(more),
            Sql::Any(more) if !all => parts.extend(more),
            one => parts.push(one),
        }
    }
    match (all, parts.as_slice()) {
        // What PostgreSQL makes of `BETWEEN`.
        (true, [Sql::Binary(from, a, least), Sql::Binary(to, b, greatest)]) if from == ">=" && to == "<=" && a == b => {
            Sql::Between(a.clone(), least.clone(), greatest.clone())
        }
        (true, _) => Sql::All(parts),
        (false, _) => Sql::Any(parts),
    }
}

/// A cast, unless it says but what is known.
fn cast(operand: Sql, kind: &str) -> Sql {
    let widening = kind.ends_with("[]")
        || ["text", "varchar", "character varying", "numeric", "bigint", "double precision", "bpchar"].contains(&kind);
    match operand {
        Sql::Text(number) if is_number(kind) && f64::from_str(&number).is_ok() => Sql::Number(number),
        Sql::Text(moment) if kind.starts_with("timestamp") => Sql::Text(moment_of(&moment).unwrap_or(moment)),
        literal @ (Sql::Text(_) | Sql::Null | Sql::Number(_) | Sql::List(_) | Sql::Truth(_)) => literal,
        other if widening => other,
        other => Sql::Cast(Box::new(other), kind.to_owned()),
    }
}

fn is_number(kind: &str) -> bool {
    ["smallint", "integer", "bigint", "numeric", "real", "double precision", "float8"].contains(&kind)
}

/// A moment in one notation, whatever the zone it is printed in.
fn moment_of(text: &str) -> Option<String> {
    let moment = text.replacen(' ', "T", 1);
    let zone = moment.rfind(['+', '-']).filter(|at| *at > 10)?;
    let padded = if moment.len() - zone == 3 { format!("{moment}:00") } else { moment };
    Timestamp::from_str(&padded).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_prints_is_what_was_meant() {
        let same = [
            (r#""a" >= 1"#, "(a >= 1)"),
            (r#""a" BETWEEN 1 AND 9"#, "((a >= 1) AND (a <= 9))"),
            (
                r#""s" IN ('x', 'it''s')"#,
                "((s)::text = ANY ((ARRAY['x'::character varying, 'it''s'::character varying])::text[]))",
            ),
            (r#"("a" < ("b") OR "b" IS NULL)"#, "((a < b) OR (b IS NULL))"),
            (r#"NOT ("s" = 'no')"#, "(NOT ((s)::text = 'no'::text))"),
            (r#""s"::text LIKE E'x\\%%'"#, r"((s)::text ~~ 'x\%%'::text)"),
            (r#"(LOWER("b"))"#, "lower((b)::text)"),
            ("(\"a\" + -1)", "(a + '-1'::integer)"),
        ];
        for (meant, printed) in same {
            let meant = Sql::read(meant, Dialect::Postgres).unwrap_or_else(|| panic!("{meant}"));
            assert_eq!(Sql::read(printed, Dialect::Postgres), Some(meant), "{printed}");
        }
        assert_ne!(
            Sql::read("a = 1 OR b = 2 AND c = 3", Dialect::Sqlite),
            Sql::read("(a = 1 OR b = 2) AND c = 3", Dialect::Sqlite)
        );
        assert_eq!(Sql::read("CASE WHEN a THEN b END", Dialect::Sqlite), None);
        assert_eq!(
            Sql::read("(a)::integer = 1", Dialect::Postgres),
            Sql::read("CAST(a AS integer) = 1", Dialect::Postgres)
        );
    }
}
