use super::*;
use crate::engine::Dialect;
use crate::field::Kind;
use crate::model::{Field, ModelDef, Models};
use crate::query::{Function, Lookup, Operator, Step};
use crate::value::Value;
use std::borrow::Cow;
use std::sync::Arc;

fn checks(dialect: Dialect) -> Arc<Schema> {
    let checks = ModelDef::new("lab", "Checks")
        .field(Field::new("id", Kind::BigAuto))
        .field(Field::new("a", Kind::Integer))
        .field(Field::new("b", Kind::Integer).null(true))
        .field(Field::new("s", Kind::Char { max_length: Some(10) }))
        .field(Field::new("d", Kind::Boolean))
        .field(Field::new("at", Kind::DateTime))
        .primary_key("id");
    Schema::new(&Models::new().with_definition(checks), dialect).expect("a sound schema")
}

fn text(node: &Node) -> [String; 2] {
    [Dialect::Sqlite, Dialect::Postgres].map(|dialect| {
        let schema = checks(dialect);
        inline(&schema, schema.by_label("lab.Checks").expect("there"), node).expect("inlined")
    })
}

fn same(node: &Node, expected: &str) {
    assert_eq!(text(node), [expected, expected]);
}

fn value(value: impl Into<Literal>) -> Node {
    Node::value(value.into().0)
}

struct Literal(Value);

impl From<i64> for Literal {
    fn from(number: i64) -> Self {
        Literal(Value::Int(number))
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Literal(Value::Text(text.to_owned()))
    }
}

impl From<bool> for Literal {
    fn from(truth: bool) -> Self {
        Literal(Value::Bool(truth))
    }
}

#[test]
fn conditions_of_tables_read_as_django_writes_them() {
    same(&Node::keyword("a__gte", value(1)), r#""a" >= 1"#);
    let or = Node::keyword("a__lt", Node::path("b")).or(Node::keyword("b__isnull", value(true)));
    same(&or, r#"("a" < ("b") OR "b" IS NULL)"#);
    let list = Node::List(vec![value("x"), value("it's"), value("50%")]);
    same(&Node::keyword("s__in", list), r#""s" IN ('x', 'it''s', '50%')"#);
    same(&Node::keyword("s", value("no")).negate(), r#"NOT ("s" = 'no')"#);
    same(&Node::keyword("a__range", Node::List(vec![value(1), value(9)])), r#""a" BETWEEN 1 AND 9"#);
    same(&Node::keyword("d", value(true)), r#""d""#);
    assert_eq!(
        text(&Node::keyword("s__startswith", value("x%_"))),
        [r#""s" LIKE 'x\%\_%' ESCAPE '\'"#, r#""s"::text LIKE  E'x\\%\\_%'"#]
    );
    assert_eq!(text(&Node::keyword("a__gt", value(-1))), [r#""a" > -1"#, r#""a" >  -1"#]);
}

#[test]
fn expressions_of_tables_read_as_django_writes_them() {
    same(&Node::Call(Function::Lower, vec![Node::path("s")]), r#"LOWER("s")"#);
    let sum = Node::Binary(Operator::Add, Box::new(Node::path("a")), Box::new(Node::path("b")));
    same(&sum, r#"("a" + "b")"#);
    assert_eq!(
        text(&Node::Call(Function::Now, vec![])),
        ["STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')", "STATEMENT_TIMESTAMP()"]
    );
    assert_eq!(
        text(&Node::path("at__year")),
        [r#"django_datetime_extract('year', "at", 'UTC', 'UTC')"#, r#"EXTRACT(YEAR FROM "at" AT TIME ZONE 'UTC')"#]
    );
    same(&value("it's 5%"), "'it''s 5%'");
    same(&value(5), "5");
}

#[test]
fn a_name_that_is_not_there_is_refused_with_the_choices() {
    let schema = checks(Dialect::Sqlite);
    let model = schema.by_label("lab.Checks").expect("there");
    let error = inline(&schema, model, &Node::lookup(Node::Path(vec![Cow::Borrowed("aa")]), Lookup::Exact, value(1)))
        .expect_err("refused");
    assert_eq!(error.kind(), crate::ErrorKind::Field);
    assert!(error.to_string().contains("choices are a, at, b, d, id, pk, s; did you mean `a`?"), "{error}");
    let error = inline(&schema, model, &Node::keyword("s__icontain", value("x"))).expect_err("refused");
    assert!(error.to_string().contains("did you mean `icontains`?"), "{error}");
}

#[test]
fn a_row_by_a_unique_column_reads_as_any_query_does() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres] {
        let schema = checks(dialect);
        let by = |name: &'static str, value: Node| {
            Query::on("lab.Checks").then(Step::Filter(Node::lookup(Node::path(name), Lookup::Exact, value)))
        };
        for name in ["id", "pk"] {
            let query = by(name, value(7));
            let Ok(Compiled::Run(whole)) = select(&schema, &query) else { panic!("selects") };
            let found = point(&schema, &query).map(|(statement, _)| statement);
            assert_eq!(found, Some(whole.statement), "{name} on {dialect:?}");
        }
        let others = [
            by("a", value(7)),
            by("id", Node::value(Value::Null)),
            by("id", value("7")),
            by("id", value(7)).then(Step::Nothing),
        ];
        for query in others {
            assert!(point(&schema, &query).is_none(), "{query:?} on {dialect:?}");
        }
    }
}
