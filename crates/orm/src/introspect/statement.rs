//! The statements that make tables, constraints and indexes, read back: those of SQLite's catalogue, those that
//! PostgreSQL prints of its own, and ours.

use super::expression::{Reader, Sql};
use super::token::{Token, tokens};
use super::{Column, Constraint, ConstraintKind, Expression, Index, IndexKey, Numbering, Table};
use crate::engine::Dialect;
use crate::model::Deferrable;

/// A table as `CREATE TABLE` makes it; `None` if the statement is no such or cannot be read.
pub(super) fn table(sql: &str, dialect: Dialect) -> Option<Table> {
    let mut reader = Reader::new(tokens(sql)?, dialect);
    reader.words(&["create"]).then_some(())?;
    reader.words(&["table"]).then_some(())?;
    reader.words(&["if", "not", "exists"]);
    let mut table = Table::new(reader.name()?);
    for mut part in reader.parentheses()?.split() {
        if !is_constraint(&part) {
            column(part, &mut table, dialect)?;
            continue;
        }
        let name = constraint_name(&mut part)?;
        if part.words(&["primary", "key"]) {
            table.primary_key = part.names()?;
        } else {
            table.constraints.push(Constraint { name, kind: constraint_kind(&mut part, dialect)? });
        }
    }
    for option in reader.split() {
        let written = option.text();
        if !written.is_empty() {
            table.options.push(written);
        }
    }
    Some(table)
}

fn is_constraint(part: &Reader) -> bool {
    [&["constraint"][..], &["unique"], &["check"], &["primary", "key"], &["foreign", "key"]]
        .iter()
        .any(|words| part.is_at(words))
}

fn constraint_name(part: &mut Reader) -> Option<Option<String>> {
    if part.words(&["constraint"]) { part.name().map(Some) } else { Some(None) }
}

/// A constraint as `pg_get_constraintdef` prints it, or as it stands after its name; a primary key is none here.
pub(super) fn constraint(sql: &str, dialect: Dialect) -> Option<ConstraintKind> {
    constraint_kind(&mut Reader::new(tokens(sql)?, dialect), dialect)
}

/// The columns in `PRIMARY KEY (…)`.
pub(super) fn primary_key(sql: &str) -> Option<Vec<String>> {
    let mut reader = Reader::new(tokens(sql)?, Dialect::Postgres);
    reader.words(&["primary", "key"]).then_some(())?;
    reader.names()
}

fn constraint_kind(part: &mut Reader, dialect: Dialect) -> Option<ConstraintKind> {
    if part.words(&["unique"]) {
        let nulls_distinct = nulls(part);
        let columns = part.names()?;
        return Some(ConstraintKind::Unique { columns, nulls_distinct, deferrable: deferrable(part) });
    }
    if part.words(&["check"]) {
        let inner = part.parentheses()?;
        return Some(ConstraintKind::Check(Expression::new(inner.text(), dialect)));
    }
    part.words(&["foreign", "key"]).then_some(())?;
    let columns = part.names()?;
    part.words(&["references"]).then_some(())?;
    references(columns, part)
}

fn nulls(part: &mut Reader) -> Option<bool> {
    if part.words(&["nulls", "not", "distinct"]) {
        Some(false)
    } else {
        part.words(&["nulls", "distinct"]).then_some(true)
    }
}

fn deferrable(part: &mut Reader) -> Option<Deferrable> {
    part.words(&["deferrable"]).then(|| {
        let deferred = part.words(&["initially", "deferred"]);
        part.words(&["initially", "immediate"]);
        if deferred { Deferrable::Deferred } else { Deferrable::Immediate }
    })
}

/// What follows `REFERENCES`.
fn references(columns: Vec<String>, part: &mut Reader) -> Option<ConstraintKind> {
    let mut table = part.name()?;
    if part.sign(".") {
        table = format!("{table}.{}", part.name()?);
    }
    let to = if matches!(part.peek(), Some(Token::Sign("("))) { part.names()? } else { Vec::new() };
    let mut actions = Vec::new();
    while part.words(&["on"]) {
        let mut action = format!("ON {}", word(part)?);
        for _ in 0..2 {
            let more = ["cascade", "restrict", "set", "null", "default", "no", "action"];
            if more.iter().any(|word| part.is_at(&[word])) {
                action.push(' ');
                action.push_str(&word(part)?);
            }
        }
        if !action.ends_with("NO ACTION") {
            actions.push(action);
        }
    }
    Some(ConstraintKind::ForeignKey { columns, table, to, actions, deferrable: deferrable(part) })
}

fn word(part: &mut Reader) -> Option<String> {
    match part.next()? {
        Token::Word(word, _) => Some(word.to_uppercase()),
        _ => None,
    }
}

/// Where a column's type, or an expression of it, ends.
const COLUMN_PARTS: &[&str] = &[
    "collate",
    "default",
    "not",
    "null",
    "primary",
    "unique",
    "check",
    "references",
    "generated",
    "as",
    "constraint",
    "autoincrement",
    "deferrable",
    "on",
];

fn column(mut part: Reader, table: &mut Table, dialect: Dialect) -> Option<()> {
    let name = part.name()?;
    let kind = type_text(&mut part);
    let mut column = Column::new(name.clone(), canonical_type(&kind, dialect));
    let mut constraint = None;
    while !part.is_done() {
        if part.words(&["constraint"]) {
            constraint = part.name();
        } else if part.words(&["collate"]) {
            column.collation = part.name();
        } else if part.words(&["default"]) {
            column.default = Some(default(&mut part, dialect)?);
        } else if part.words(&["not", "null"]) {
            column.null = false;
        } else if part.words(&["primary", "key"]) {
            part.words(&["asc"]);
            table.primary_key = vec![name.clone()];
            if dialect == Dialect::Postgres {
                column.null = false;
            }
        } else if part.words(&["autoincrement"]) {
            column.numbering = Some(Numbering::Autoincrement);
        } else if part.words(&["generated", "by", "default", "as", "identity"]) {
            column.numbering = Some(Numbering::Identity);
        } else if part.words(&["generated", "always", "as"]) || part.words(&["as"]) {
            let expression = Expression::new(part.parentheses()?.text(), dialect);
            let stored = part.words(&["stored"]);
            part.words(&["virtual"]);
            column.generated = Some((expression, stored));
        } else if part.words(&["null"]) {
            column.null = true;
        } else if part.words(&["unique"]) {
            let kind = ConstraintKind::Unique { columns: vec![name.clone()], nulls_distinct: None, deferrable: None };
            push(table, constraint.take(), "key", &name, kind, dialect);
        } else if part.words(&["check"]) {
            let kind = ConstraintKind::Check(Expression::new(part.parentheses()?.text(), dialect));
            push(table, constraint.take(), "check", &name, kind, dialect);
        } else if part.words(&["references"]) {
            let kind = references(vec![name.clone()], &mut part)?;
            table.constraints.push(Constraint { name: constraint.take(), kind });
        } else {
            // `ON CONFLICT …` and the like, which no model says.
            let rest = part.text();
            table.options.push(format!("{name}: {rest}"));
            break;
        }
    }
    table.columns.push(column);
    Some(())
}

/// Adds a constraint of a column; PostgreSQL names it, SQLite does not.
fn push(table: &mut Table, name: Option<String>, label: &str, column: &str, kind: ConstraintKind, dialect: Dialect) {
    let automatic = || (dialect == Dialect::Postgres).then(|| automatic_name(&table.name, column, label));
    let name = name.or_else(automatic);
    table.constraints.push(Constraint { name, kind });
}

/// The name that PostgreSQL gives to a constraint of a column that has none (`makeObjectName` in `indexcmds.c`).
pub(super) fn automatic_name(table: &str, column: &str, label: &str) -> String {
    const LONGEST: usize = 63;
    let room = LONGEST - label.len() - 2;
    let (mut first, mut second) = (table.len(), column.len());
    while first + second > room {
        if first > second {
            first -= 1;
        } else {
            second -= 1;
        }
    }
    let cut = |text: &str, length: usize| {
        let end = (0..=length.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.get(..end).unwrap_or_default().to_owned()
    };
    format!("{}_{}_{label}", cut(table, first), cut(column, second))
}

fn type_text(part: &mut Reader) -> String {
    let mut text = String::new();
    while let Some(token) = part.peek().cloned() {
        match token {
            Token::Word(word, _) if COLUMN_PARTS.contains(&word.as_str()) => break,
            Token::Word(word, _) => {
                if !text.is_empty() && !text.ends_with(' ') {
                    text.push(' ');
                }
                text.push_str(&word);
                part.next();
            }
            Token::Name(name) => {
                text.push_str(&name);
                part.next();
            }
            Token::Sign("(") => match part.parentheses() {
                Some(inner) => {
                    let inside: Vec<String> = inner.split().iter().map(Reader::text).collect();
                    text.push_str(&format!("({})", inside.join(",")));
                }
                None => break,
            },
            _ => break,
        }
    }
    text
}

/// A type in the words of the engine's catalogue.
fn canonical_type(kind: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres if kind == "time" => "time without time zone".to_owned(),
        Dialect::Postgres => kind.replacen("varchar", "character varying", 1),
        Dialect::Sqlite => kind.to_owned(),
    }
}

fn default(part: &mut Reader, dialect: Dialect) -> Option<Expression> {
    if matches!(part.peek(), Some(Token::Sign("("))) {
        return Some(Expression::new(part.parentheses()?.text(), dialect));
    }
    let mut taken = Vec::new();
    while let Some(token) = part.peek() {
        let ends = matches!(token, Token::Word(word, _) if COLUMN_PARTS.contains(&word.as_str()) && (word != "null" || !taken.is_empty()));
        if ends {
            break;
        }
        taken.extend(part.next());
    }
    Some(Expression::new(Reader::new(taken, dialect).text(), dialect))
}

/// An index as `CREATE INDEX` makes it, and its table.
pub(super) fn index(sql: &str, dialect: Dialect) -> Option<(String, Index)> {
    let mut reader = Reader::new(tokens(sql)?, dialect);
    reader.words(&["create"]).then_some(())?;
    let unique = reader.words(&["unique"]);
    reader.words(&["index"]).then_some(())?;
    reader.words(&["concurrently"]);
    reader.words(&["if", "not", "exists"]);
    let name = reader.name()?;
    reader.words(&["on"]).then_some(())?;
    reader.words(&["only"]);
    let mut table = reader.name()?;
    if reader.sign(".") {
        table = reader.name()?;
    }
    let method = if reader.words(&["using"]) { reader.name()? } else { "btree".to_owned() };
    let keys: Option<Vec<IndexKey>> =
        reader.parentheses()?.split().into_iter().map(|part| index_key(part, dialect)).collect();
    let include = if reader.words(&["include"]) { reader.names()? } else { Vec::new() };
    let nulls_distinct = nulls(&mut reader);
    let condition = if reader.words(&["where"]) { Some(Expression::new(reader.rest().text(), dialect)) } else { None };
    let definition = sql.to_owned();
    let index = Index { name, unique, keys: keys?, condition, include, method, nulls_distinct, definition };
    Some((table, index))
}

fn index_key(part: Reader, dialect: Dialect) -> Option<IndexKey> {
    let mut tokens: Vec<Token> = part.rest().into_tokens();
    let mut nulls_first = None;
    let is = |token: Option<&Token>, word: &str| matches!(token, Some(Token::Word(found, _)) if found == word);
    if let [.., nulls, which] = tokens.as_slice()
        && is(Some(nulls), "nulls")
    {
        nulls_first = Some(is(Some(which), "first"));
        tokens.truncate(tokens.len() - 2);
    }
    let descending = is(tokens.last(), "desc");
    if descending || is(tokens.last(), "asc") {
        tokens.pop();
    }
    // Where PostgreSQL puts them anyway, as the greatest, it does not say.
    nulls_first = nulls_first.filter(|first| *first != descending);
    let mut collation = None;
    if let [.., collate, Token::Name(name) | Token::Word(name, _)] = tokens.as_slice()
        && is(Some(collate), "collate")
    {
        collation = Some(name.clone());
        tokens.truncate(tokens.len() - 2);
    }
    // `column class`: an expression would stand in parentheses or be a call.
    let mut class = None;
    if let [_, Token::Word(word, _)] = tokens.as_slice() {
        class = Some(word.clone());
        tokens.pop();
    } else if let [.., Token::Sign(")"), Token::Word(word, _)] = tokens.as_slice() {
        class = Some(word.clone());
        tokens.pop();
    }
    let expression = Expression::new(Reader::new(tokens, dialect).text(), dialect);
    Some(IndexKey { expression, descending, nulls_first, collation, class })
}

impl IndexKey {
    /// The column, if it is one and nothing else is said of it but the direction.
    pub(super) fn column(&self) -> Option<&str> {
        match &self.expression.tree {
            Some(Sql::Column(name)) if self.is_plain() => Some(name),
            _ => None,
        }
    }

    /// Whether a model can say it: direction and all.
    pub(super) fn is_plain(&self) -> bool {
        self.collation.is_none() && self.class.is_none()
    }
}

impl Reader {
    /// What has not been read yet.
    fn rest(&self) -> Reader {
        self.clone()
    }

    fn into_tokens(self) -> Vec<Token> {
        let at = self.position();
        self.all().into_iter().skip(at).collect()
    }

    /// What has not been read yet, as text.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for token in self.rest().into_tokens() {
            let spaced = !matches!(token, Token::Sign("(" | ")" | "," | "." | "::" | "[" | "]"));
            if spaced && !text.is_empty() && !text.ends_with(['(', ' ', '.', ':', '[']) {
                text.push(' ');
            }
            match token {
                Token::Word(_, written) => text.push_str(&written),
                Token::Name(name) => text.push_str(&format!("\"{}\"", name.replace('"', "\"\""))),
                Token::Text(inner) => text.push_str(&format!("'{}'", inner.replace('\'', "''"))),
                Token::Bytes(digits) => text.push_str(&format!("X'{digits}'")),
                Token::Number(number) => text.push_str(&number),
                Token::Sign(",") => text.push_str(", "),
                Token::Sign(sign) => text.push_str(sign),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_was_written() {
        let sql = r#"CREATE TABLE "t" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "n" integer unsigned NULL UNIQUE
            CHECK ("n" >= 0), "s" varchar(9) COLLATE NOCASE DEFAULT 'it''s' NOT NULL, "u_id" bigint NOT NULL REFERENCES
            "u" ("id") DEFERRABLE INITIALLY DEFERRED, "g" integer GENERATED ALWAYS AS (("n" + 1)) STORED,
            CONSTRAINT "named" UNIQUE ("n", "s"), CHECK (length(s) > 1)) WITHOUT ROWID"#;
        let table = table(sql, Dialect::Sqlite).expect("a table");
        assert_eq!(table.primary_key, ["id"]);
        assert_eq!(table.options, ["WITHOUT ROWID"]);
        let types: Vec<&str> = table.columns.iter().map(|column| column.kind.as_str()).collect();
        assert_eq!(types, ["integer", "integer unsigned", "varchar(9)", "bigint", "integer"]);
        let [id, n, s, _, g] = table.columns.as_slice() else { panic!("{table:?}") };
        assert_eq!(id.numbering, Some(Numbering::Autoincrement));
        assert!(n.null && !s.null);
        assert_eq!(s.collation.as_deref(), Some("NOCASE"));
        assert_eq!(s.default, Some(Expression::new("'it''s'".into(), Dialect::Sqlite)));
        assert_eq!(g.generated, Some((Expression::new("n + 1".into(), Dialect::Sqlite), true)));
        let names: Vec<Option<&str>> = table.constraints.iter().map(|it| it.name.as_deref()).collect();
        assert_eq!(names, [None, None, None, Some("named"), None]);
        let ConstraintKind::ForeignKey { table: to, deferrable, .. } = &table.constraints[2].kind else { panic!() };
        assert_eq!((to.as_str(), *deferrable), ("u", Some(Deferrable::Deferred)));
    }

    #[test]
    fn an_index_is_read_from_either_engine() {
        let sql = "CREATE UNIQUE INDEX i ON public.t USING btree (lower((b)::text) DESC, a varchar_pattern_ops) INCLUDE \
                   (c) NULLS NOT DISTINCT WHERE (d > 1)";
        let (table, index) = index(sql, Dialect::Postgres).expect("an index");
        assert_eq!((table.as_str(), index.unique, index.include.len()), ("t", true, 1));
        assert_eq!(index.nulls_distinct, Some(false));
        assert_eq!(index.keys[0].expression, Expression::new("LOWER(\"b\")".into(), Dialect::Postgres));
        assert!(index.keys[0].descending);
        assert_eq!(index.keys[1].class.as_deref(), Some("varchar_pattern_ops"));
        assert_eq!(index.condition, Some(Expression::new("\"d\" > 1".into(), Dialect::Postgres)));
    }

    #[test]
    fn automatic_names_are_cut_as_postgres_cuts_them() {
        assert_eq!(automatic_name("lab_options", "pos_null", "check"), "lab_options_pos_null_check");
        assert_eq!(automatic_name(&"t".repeat(70), "column", "key").len(), 63);
    }
}
