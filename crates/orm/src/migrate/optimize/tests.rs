//! What neighbouring operations come down to, and that it is the same.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::engine::Dialect;
use crate::field::Kind;
use crate::migrate::state::State;
use crate::migrate::{Check, Lookup, Migration, OnDelete, OrderBy, Reference, compare, field};
use crate::model::{Field, Index, ModelDef};
use crate::value::Value;

const MODELS: [&str; 4] = ["A", "B", "C", "D"];
const FIELDS: [&str; 4] = ["f", "g", "h", "i"];

/// A model with nothing but its key.
fn model(name: &'static str) -> ModelDef {
    ModelDef::new("a", name).field(Field::new("id", Kind::BigAuto)).primary_key("id")
}

fn number(name: &'static str) -> Field {
    Field::new(name, Kind::Integer).null(true)
}

fn key(name: &'static str, to: &str) -> Field {
    let to = Reference::new(format!("a.{to}"), OnDelete::Cascade).related_name("+");
    Field::foreign_key(name, to).null(true)
}

/// What a migration comes down to, described.
fn down_to(say: impl FnOnce(Migration) -> Migration) -> Vec<String> {
    let operations = say(Migration::new("a", "0001")).operations;
    optimize("a", operations).iter().map(Operation::describe).collect()
}

#[test]
fn a_model_is_made_as_it_becomes() {
    let down = down_to(|it| {
        it.create_model(model("A").field(number("f")))
            .add_constraint_not_valid("A", Check::new("c", compare(field("f"), Lookup::Gt, 0)))
            .add_index("A", Index::new(vec![OrderBy::asc(field("f"))]).name("one"))
            .rename_index("A", "one", "two")
            .create_model(model("B").field(key("a", "A")))
            .alter_table_comment("A", Some("of all"))
            .alter_table("A", Some("first"))
            .add_field("A", number("g"))
            .alter_field("A", number("f").unique(true))
            .rename_field("A", "f", "h")
            .remove_field("A", "g")
            .rename_model("B", "C")
    });
    assert_eq!(down, ["Create model A", "Create model C"]);
}

#[test]
fn what_is_undone_is_not_done() {
    assert_eq!(down_to(|it| it.create_model(model("A")).rename_model("A", "B").delete_model("B")), [""; 0]);
    assert_eq!(
        down_to(|it| it.add_field("A", number("f")).rename_field("A", "f", "g").remove_field("A", "g")),
        [""; 0]
    );
    assert_eq!(down_to(|it| it.rename_field("A", "f", "g").rename_field("A", "g", "f")), [""; 0]);
    assert_eq!(down_to(|it| it.rename_model("A", "B").rename_model("B", "A")), [""; 0]);
    let index = || Index::new(vec![OrderBy::asc(field("f"))]).name("one");
    assert_eq!(
        down_to(|it| it.add_index("A", index()).rename_index("A", "one", "two").remove_index("A", "two")),
        [""; 0]
    );
    assert_eq!(down_to(|it| it.add_index_concurrently("A", index()).remove_index("A", "one")), [""; 0]);
    let check = || Check::new("c", compare(field("f"), Lookup::Gt, 0));
    assert_eq!(down_to(|it| it.add_constraint("A", check()).remove_constraint("A", "c")), [""; 0]);
}

#[test]
fn chains_become_one_step() {
    assert_eq!(
        down_to(|it| it.rename_field("A", "f", "g").rename_field("A", "g", "h").rename_field("B", "f", "g")),
        ["Rename field f on A to h", "Rename field f on B to g"]
    );
    assert_eq!(down_to(|it| it.rename_model("A", "B").rename_model("B", "C")), ["Rename model A to C"]);
    assert_eq!(
        down_to(|it| it.alter_table("A", Some("x")).alter_table("A", None)),
        ["Rename table for A to (default)"]
    );
    assert_eq!(down_to(|it| it.rename_field("A", "f", "g").remove_field("A", "g")), ["Remove field f from A"]);
    assert_eq!(
        down_to(|it| it.alter_field("A", number("f")).add_field("A", number("g")).alter_field("A", number("f"))),
        ["Add field g to A", "Alter field f on A"]
    );
    assert_eq!(
        down_to(|it| it.add_field("A", number("f")).remove_index("A", "old").delete_model("A")),
        ["Delete model A"]
    );
    let check = Check::new("c", compare(field("f"), Lookup::Gt, 0));
    assert_eq!(
        down_to(|it| it.add_constraint_not_valid("A", check).validate_constraint("A", "c")),
        ["Create constraint c on model A"]
    );
}

#[test]
fn nothing_moves_across_what_nobody_knows() {
    let run = || Operation::RunSql { forward: vec!["SELECT 1".into()], backward: None, state: Vec::new(), about: None };
    assert_eq!(
        down_to(|it| it.create_model(model("A")).operation(run()).add_field("A", number("f"))),
        ["Create model A", "Raw SQL operation", "Add field f to A"]
    );
    // A table that is not ours is not made by saying that it is.
    assert_eq!(
        down_to(|it| it.create_model(model("A").managed(false)).alter_managed("A", true)),
        ["Create model A", "Change Meta options on A"]
    );
    // What a key led to may go only after the key leads elsewhere.
    assert_eq!(
        down_to(|it| it.alter_field("B", key("k", "C")).delete_model("A").delete_model("B")),
        ["Alter field k on B", "Delete model A", "Delete model B"]
    );
}

#[test]
fn rows_keep_what_the_first_of_two_gave_them() {
    let plain = |default: Option<i64>| {
        let field = Field::new("f", Kind::Integer);
        default.into_iter().fold(field, |field, value| field.default(Value::Int(value)))
    };
    let fill = |say: &dyn Fn(Migration) -> Migration| match optimize("a", say(Migration::new("a", "0001")).operations)
        .as_slice()
    {
        [Operation::AddField { fill, .. } | Operation::AlterField { fill, .. }] => Some(fill.clone()),
        _ => None,
    };
    let seven = Some(Some(Value::Int(7)));
    assert_eq!(fill(&|it| it.add_field("A", plain(Some(7))).alter_field("A", plain(None))), seven);
    assert_eq!(fill(&|it| it.add_field_filled("A", plain(None), Value::Int(7)).alter_field("A", number("f"))), seven);
    let given = Value::Int(7);
    assert_eq!(fill(&|it| it.add_field("A", number("f")).alter_field_filled("A", plain(None), given.clone())), seven);
    assert_eq!(fill(&|it| it.alter_field("A", plain(Some(7))).alter_field("A", plain(Some(8)))), seven);
    assert_eq!(fill(&|it| it.alter_field("A", number("f").unique(true)).alter_field("A", number("f"))), Some(None));
    // Not the same in one step: another kind of value, nulls that are nulls no more, nothing for a required column.
    let text = Field::new("f", Kind::Text).null(true);
    assert_eq!(fill(&|it| it.add_field("A", plain(Some(7))).alter_field("A", text.clone())), None);
    assert_eq!(fill(&|it| it.alter_field("A", plain(Some(7))).alter_field("A", number("f"))), None);
    assert_eq!(fill(&|it| it.add_field("A", number("f")).alter_field("A", plain(None))), None);
}

/// An operation picked by numbers, as far as the state allows it.
fn pick(state: &State, numbers: (u8, u8, u8, u8)) -> Option<Operation> {
    let (what, a, b, c) = numbers;
    let name = |number: u8| MODELS[usize::from(number) % MODELS.len()];
    let field_name = |number: u8| FIELDS[usize::from(number) % FIELDS.len()];
    let own = state.models().get(usize::from(a) % state.models().len().max(1));
    let say = Migration::new("a", "");
    let definition = |number: u8| match number % 3 {
        0 => number_of(field_name(b), number),
        1 => Field::new(field_name(b), Kind::Char { max_length: Some(u32::from(number) + 1) }).null(true),
        _ => key(
            field_name(b),
            state.models().get(usize::from(c) % state.models().len().max(1)).map_or("A", |it| &it.name),
        ),
    };
    let known = |model: &ModelDef| {
        let fields: Vec<String> = model.fields.iter().skip(1).map(|field| field.name.to_string()).collect();
        fields.get(usize::from(b) % fields.len().max(1)).cloned()
    };
    let migration = match (what % 14, own) {
        (0 | 1, _) => say.create_model(model(name(b))),
        (_, None) => return None,
        (2, Some(own)) => say.delete_model(own.name.clone()),
        (3..=5, Some(own)) => say.add_field(own.name.clone(), definition(c)),
        (6, Some(own)) => {
            let name = known(own)?;
            let field = Field { name: name.into(), ..definition(c) };
            say.alter_field(own.name.clone(), field)
        }
        (7, Some(own)) => say.remove_field(own.name.clone(), known(own)?),
        (8, Some(own)) => say.rename_field(own.name.clone(), known(own)?, field_name(c)),
        (9, Some(own)) => say.rename_model(own.name.clone(), name(c)),
        (10, Some(own)) => {
            let index = Index::new(vec![OrderBy::asc(field(&known(own)?))]).name(format!("i{}", c % 3));
            say.add_index(own.name.clone(), index)
        }
        (11, Some(own)) => match own.indexes.first() {
            Some(index) if c % 2 == 0 => say.remove_index(own.name.clone(), index.name.clone()?),
            Some(index) => say.rename_index(own.name.clone(), index.name.clone()?, format!("i{}", c % 3)),
            None => say.alter_table_comment(own.name.clone(), Some("new")),
        },
        (12, Some(own)) => {
            let group = (c % 2 == 0).then(|| vec!["id".into(), known(own).unwrap_or_else(|| "id".into()).into()]);
            let groups = group.into_iter().filter(|group| group[0] != group[1]).collect();
            say.operation(Operation::AlterUniqueTogether { model: own.name.clone(), groups })
        }
        (_, Some(own)) => say.alter_table(own.name.clone(), ["x", "y"].get(usize::from(c % 3)).copied()),
    };
    migration.operations.into_iter().next()
}

fn number_of(name: &'static str, default: u8) -> Field {
    number(name).default(Value::Int(i64::from(default)))
}

/// The state after an operation, if it makes sense at this point.
fn after(state: &State, operation: &Operation) -> Option<State> {
    let mut after = state.clone();
    after.apply("a", operation).ok()?;
    let whole = after.models().iter().all(|model| {
        let has = |name: &str| model.fields.iter().any(|field| field.name == name);
        model.unique_together.iter().flatten().all(|name| has(name))
            && model.indexes.iter().flat_map(|index| &index.expressions).all(|step| {
                matches!(&step.expression, crate::query::Node::Path(names) if names.first().is_some_and(|name| has(name)))
            })
    });
    (whole && after.schema(Dialect::Postgres).is_ok()).then_some(after)
}

/// The models and fields in an order that does not depend on how they came about.
fn sorted(state: &State) -> Vec<ModelDef> {
    let mut models = state.models().to_vec();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    for model in &mut models {
        model.fields.sort_by(|a, b| a.name.cmp(&b.name));
        model.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    models
}

#[test]
fn a_shorter_list_leads_to_the_same_state_and_makes_sense_at_every_step() {
    let numbers = proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>()), 1..60);
    let mut runner = TestRunner::deterministic();
    let (mut all, mut left) = (0, 0);
    for round in 0..1500 {
        let picked = numbers.new_tree(&mut runner).expect("a tree").current();
        // The first operations have been applied long ago in some rounds.
        let past = if round % 2 == 0 { 0 } else { picked.len() / 3 };
        let (mut before, mut state) = (State::new(), State::new());
        let mut operations = Vec::new();
        for (position, numbers) in picked.into_iter().enumerate() {
            let Some(operation) = pick(&state, numbers) else { continue };
            let Some(next) = after(&state, &operation) else { continue };
            state = next;
            if position < past {
                before = state.clone();
            } else {
                operations.push(operation);
            }
        }
        let shorter = optimize("a", operations.clone());
        let told = || {
            let list =
                |operations: &[Operation]| operations.iter().map(Operation::describe).collect::<Vec<_>>().join("; ");
            format!("{}\nbecame: {}", list(&operations), list(&shorter))
        };
        let mut by_less = before.clone();
        for operation in &shorter {
            by_less = after(&by_less, operation).unwrap_or_else(|| panic!("{}\nin: {}", operation.describe(), told()));
        }
        assert_eq!(sorted(&by_less), sorted(&state), "{}", told());
        assert!(shorter.len() <= operations.len());
        all += operations.len();
        left += shorter.len();
    }
    assert!(left * 2 < all, "{left} of {all} are left: nothing was put together");
}
