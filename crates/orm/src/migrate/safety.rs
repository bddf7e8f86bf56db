//! What an operation does to others who use the table on PostgreSQL, and how to do it without keeping them waiting.
//!
//! The facts are those of PostgreSQL's manual (chapters "Explicit Locking" and "ALTER TABLE"); a test compares them with
//! what a server does.

use std::fmt;

use super::operation::{Constraint, Operation};
use super::state::State;
use crate::field::Kind;
use crate::model::{DatabaseDefault, Field};
use crate::query::{Function, Node};

/// A lock that a statement takes on a whole table, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TableLock {
    /// Rows are changed: nobody waits who does not want the same rows.
    RowExclusive,
    /// Others read and write; only definitions, `VACUUM` and other work of this sort wait.
    ShareUpdateExclusive,
    /// Others read; whoever writes waits.
    Share,
    /// Others read; whoever writes waits.
    ShareRowExclusive,
    /// Everybody waits, readers too.
    AccessExclusive,
}

impl TableLock {
    /// PostgreSQL's name, such as `ACCESS EXCLUSIVE`.
    pub fn name(self) -> &'static str {
        match self {
            TableLock::RowExclusive => "ROW EXCLUSIVE",
            TableLock::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            TableLock::Share => "SHARE",
            TableLock::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            TableLock::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Who has to wait for it.
    fn keeps_waiting(self) -> &'static str {
        match self {
            TableLock::RowExclusive => "nobody waits but for the same rows",
            TableLock::ShareUpdateExclusive => "nobody waits who reads or writes rows",
            TableLock::Share | TableLock::ShareRowExclusive => "writers wait",
            TableLock::AccessExclusive => "readers and writers wait",
        }
    }
}

/// How long a lock is needed, for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Effort {
    /// Only the catalogue changes: a moment, however large the table.
    Brief,
    /// All rows are read.
    Scan,
    /// All rows are written anew, and all indexes built anew.
    Rewrite,
}

/// What an operation does on PostgreSQL to those who use the table meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Advice {
    /// The strongest lock on a table that was there before; `None` if it takes none, as its table is new, say.
    pub lock: Option<TableLock>,
    /// How long it takes.
    pub effort: Effort,
    /// How to do it without keeping others waiting, or what else to mind.
    pub instead: Option<&'static str>,
}

impl Advice {
    pub(super) fn none() -> Self {
        Advice { lock: None, effort: Effort::Brief, instead: None }
    }

    fn new(lock: TableLock, effort: Effort) -> Self {
        Advice { lock: Some(lock), effort, instead: None }
    }

    fn instead(mut self, way: &'static str) -> Self {
        self.instead = Some(way);
        self
    }

    /// Whether others have to wait for as long as a whole table is read or written.
    pub fn is_risky(&self) -> bool {
        self.effort > Effort::Brief && self.lock > Some(TableLock::ShareUpdateExclusive)
    }

    /// The worse of two.
    pub(super) fn and(self, other: Advice) -> Advice {
        let instead = match other.is_risky() && !self.is_risky() {
            true => other.instead.or(self.instead),
            false => self.instead.or(other.instead),
        };
        Advice { lock: self.lock.max(other.lock), effort: self.effort.max(other.effort), instead }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lock {
            None => f.write_str("takes no lock that others would wait for")?,
            Some(lock) => {
                write!(f, "takes {}: {}", lock.name(), lock.keeps_waiting())?;
                f.write_str(match self.effort {
                    Effort::Brief => " for a moment",
                    Effort::Scan => " while all rows are read",
                    Effort::Rewrite => " while the table is rewritten",
                })?;
            }
        }
        match self.instead {
            Some(way) => write!(f, "; {way}"),
            None => Ok(()),
        }
    }
}

const OLD_PROGRAMS: &str =
    "programs that still run know the old name: add the new one, copy, switch the programs over, and only then drop";
const DROP_LATER: &str = "programs that still run read it: take it out of the models and roll those out first";
const CONCURRENTLY: &str = "safer: add_index_concurrently in a migration that is not atomic";
const CHECK_LATER: &str = "safer: add_constraint_not_valid, and validate_constraint in a migration of its own";
const UNIQUE_LATER: &str = "safer on a large table: a unique index made concurrently by run_sql, then \
                            ADD CONSTRAINT … UNIQUE USING INDEX";
const NOT_NULL_LATER: &str = "safer: populate it, add a check that it is not null with add_constraint_not_valid, \
                              validate_constraint, and only then alter the field: PostgreSQL then skips reading the rows";
const KEY_LATER: &str = "safer on a large table: db_constraint off, then ADD CONSTRAINT … NOT VALID by run_sql, and \
                         VALIDATE CONSTRAINT in a migration of its own";
const NEW_COLUMN: &str = "safer: add a field of the new type, populate it in batches, switch the programs over, and drop \
                          the old one";
const COUNT_LATER: &str = "readers of the table wait while the rows are counted; safer: add a plain field, and make it \
                           what it keeps in a migration of its own";
const COUNT_WHEN_QUIET: &str = "the rows that it counts cannot be written while they are counted";
const ROWS: &str = "rows are locked until the commit: on a large table, make the migration not_atomic, so that each batch \
                    is a transaction";

/// What an operation does, applied to the models of `before`.
pub fn advice(app: &str, operation: &Operation, before: &State) -> Advice {
    use TableLock::*;
    let brief = || Advice::new(AccessExclusive, Effort::Brief);
    let model = before.model(app, operation.model());
    let old = |name: &str| model.and_then(|model| model.fields.iter().find(|field| field.name == name));
    if model.is_some_and(|model| !before.has_table(model)) || !before.here().runs(app, operation) {
        return Advice::none();
    }
    match operation {
        Operation::CreateModel(definition) => {
            let label = definition.label();
            let refers = definition.fields.iter().filter_map(|field| field.relation.as_ref());
            let mut refers =
                refers.filter(|relation| relation.constraint && relation.to != "self" && relation.to != label);
            match before.has_table(definition) && refers.next().is_some() {
                // On the tables that its keys refer to.
                true => Advice::new(ShareRowExclusive, Effort::Brief),
                false => Advice::none(),
            }
        }
        Operation::DeleteModel { .. } => brief().instead(DROP_LATER),
        Operation::AddField { field, .. } => match field.rollup {
            // With the column comes its counting, under the lock that the column takes.
            Some(_) => add_field(field).and(Advice::new(ShareRowExclusive, Effort::Scan).instead(COUNT_LATER)),
            None => add_field(field),
        },
        Operation::RemoveField { .. } => brief().instead(DROP_LATER),
        Operation::AddIndex { .. } => Advice::new(Share, Effort::Scan).instead(CONCURRENTLY),
        Operation::RemoveIndex { .. } => {
            brief().instead("safer: remove_index_concurrently in a migration that is not atomic")
        }
        Operation::AddConstraint { constraint, .. } => add_constraint(constraint),
        Operation::RemoveConstraint { .. } => brief(),
        Operation::AlterUniqueTogether { groups, .. } => {
            let known = model.map(|model| model.unique_together.as_slice()).unwrap_or_default();
            match groups.iter().any(|group| !known.contains(group)) {
                true => Advice::new(AccessExclusive, Effort::Scan).instead(UNIQUE_LATER),
                false => brief(),
            }
        }
        Operation::AlterField { field, .. } => match old(&field.name) {
            Some(old) if old.rollup != field.rollup => {
                // What guards the figures of a table is made for all of them.
                let guarded = model.is_some_and(|model| model.fields.iter().any(|field| field.rollup.is_some()));
                alter_field(old, field).and(count_anew(guarded, field))
            }
            Some(old) => alter_field(old, field),
            None => brief(),
        },
        Operation::RenameField { .. } | Operation::RenameModel { .. } | Operation::AlterTable { .. } => {
            brief().instead(OLD_PROGRAMS)
        }
        Operation::AlterTableComment { .. } => Advice::new(ShareUpdateExclusive, Effort::Brief),
        Operation::AlterManaged { .. } => Advice::none(),
        Operation::AlterPrimaryKey { .. } => Advice::new(AccessExclusive, Effort::Scan),
        // Its lock is on the index alone.
        Operation::RenameIndex { .. } => Advice::none(),
        Operation::RunSql { .. } => {
            Advice::none().instead("what its statements do is not known here: see each in PostgreSQL's manual")
        }
        Operation::Separate { database, .. } => {
            database.iter().map(|operation| advice(app, operation, before)).fold(Advice::none(), Advice::and)
        }
        Operation::RunRust { .. } | Operation::Populate(_) => Advice::new(RowExclusive, Effort::Scan).instead(ROWS),
        Operation::AddIndexConcurrently { .. } => Advice::new(ShareUpdateExclusive, Effort::Scan),
        Operation::RemoveIndexConcurrently { .. } => Advice::new(ShareUpdateExclusive, Effort::Brief),
        Operation::AddConstraintNotValid { .. } => brief(),
        Operation::ValidateConstraint { .. } => Advice::new(ShareUpdateExclusive, Effort::Scan),
    }
}

fn add_field(field: &Field) -> Advice {
    use TableLock::*;
    if field.kind == Kind::ManyToMany {
        // On the tables that the table between refers to.
        return Advice::new(ShareRowExclusive, Effort::Brief);
    }
    let is_stored = field.generated.as_ref().is_some_and(|generated| generated.stored);
    let is_random = matches!(&field.db_default, Some(DatabaseDefault::Expression(node)) if !is_steady(node));
    if field.kind.is_auto() || is_stored || is_random {
        let way = "each row gets a value of its own; safer: add it nullable, populate it in batches, and then alter it";
        let way = if is_stored { "safer on a large table: a plain field, populated in batches" } else { way };
        return Advice::new(AccessExclusive, Effort::Rewrite).instead(way);
    }
    let column = Advice::new(AccessExclusive, Effort::Brief);
    if field.unique || field.kind == Kind::OneToOne {
        return column.and(
            Advice::new(AccessExclusive, Effort::Scan)
                .instead("safer on a large table: add it without `unique`, and make that a step of its own"),
        );
    }
    if field.relation.as_ref().is_some_and(|relation| relation.constraint) || field.index {
        return column.and(
            Advice::new(AccessExclusive, Effort::Scan)
                .instead("safer on a large table: add it without index and key, and make these steps of their own"),
        );
    }
    match !field.null && field.db_default.is_none() {
        true => column.instead(
            "programs that still run insert rows without it, which fail: give it a db_default, or allow null at first",
        ),
        false => column,
    }
}

/// Whether an expression gives the same for all rows of one statement.
fn is_steady(node: &Node) -> bool {
    match node {
        Node::Value(..) => true,
        Node::Call(Function::Now, _) => true,
        Node::Cast(inner, _) => is_steady(inner),
        Node::Binary(_, left, right) => is_steady(left) && is_steady(right),
        _ => false,
    }
}

fn add_constraint(constraint: &Constraint) -> Advice {
    use TableLock::*;
    match constraint {
        Constraint::Check(_) => Advice::new(AccessExclusive, Effort::Scan).instead(CHECK_LATER),
        // Made as an index.
        Constraint::Unique(unique)
            if unique.condition.is_some() || !unique.expressions.is_empty() || !unique.include.is_empty() =>
        {
            Advice::new(Share, Effort::Scan).instead("safer on a large table: the index made concurrently by run_sql")
        }
        Constraint::Unique(_) => Advice::new(AccessExclusive, Effort::Scan).instead(UNIQUE_LATER),
    }
}

fn alter_field(old: &Field, new: &Field) -> Advice {
    use TableLock::*;
    if old.kind == Kind::ManyToMany || new.kind == Kind::ManyToMany {
        return Advice::new(AccessExclusive, Effort::Brief);
    }
    let mut worst = Advice::none();
    if changes_type(&old.kind, &new.kind) {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Rewrite).instead(NEW_COLUMN));
    } else if old.kind != new.kind || old.collation != new.collation {
        let effort = if old.collation == new.collation { Effort::Brief } else { Effort::Rewrite };
        worst = worst.and(Advice::new(AccessExclusive, effort));
    }
    if old.null && !new.null {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Scan).instead(NOT_NULL_LATER));
    } else if old.null != new.null {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Brief));
    }
    if !is_unique(old) && is_unique(new) {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Scan).instead(UNIQUE_LATER));
    } else if is_unique(old) && !is_unique(new) {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Brief));
    }
    if !old.index && new.index && !is_unique(new) {
        worst = worst.and(Advice::new(Share, Effort::Scan).instead(CONCURRENTLY));
    } else if old.index && !new.index {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Brief));
    }
    let enforced = |field: &Field| field.relation.as_ref().filter(|key| key.constraint).map(|key| key.to.clone());
    match (enforced(old), enforced(new)) {
        (before, Some(now)) if before.as_ref() != Some(&now) => {
            // Dropping the key before takes the stronger lock.
            let lock = if before.is_some() { AccessExclusive } else { ShareRowExclusive };
            worst = worst.and(Advice::new(lock, Effort::Scan).instead(KEY_LATER));
        }
        (Some(_), None) => worst = worst.and(Advice::new(AccessExclusive, Effort::Brief)),
        _ => {}
    }
    if old.column_name() != new.column_name() {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Brief).instead(OLD_PROGRAMS));
    }
    if old.db_default != new.db_default {
        worst = worst.and(Advice::new(AccessExclusive, Effort::Brief));
    }
    if old.comment != new.comment {
        worst = worst.and(Advice::new(ShareUpdateExclusive, Effort::Brief));
    }
    worst
}

/// What is kept in a field becomes something else: triggers go and come on both tables.
fn count_anew(guarded: bool, new: &Field) -> Advice {
    use TableLock::*;
    let lock = if guarded { AccessExclusive } else { ShareRowExclusive };
    match new.rollup {
        Some(_) => Advice::new(lock, Effort::Scan).instead(COUNT_WHEN_QUIET),
        None => Advice::new(lock, Effort::Brief),
    }
}

fn is_unique(field: &Field) -> bool {
    field.unique || field.kind == Kind::OneToOne
}

/// Whether the rows have to be written anew for a column of another kind: not for texts that may be longer, nor for
/// decimals with more digits before the point.
fn changes_type(old: &Kind, new: &Kind) -> bool {
    match (old, new) {
        (
            Kind::Decimal { max_digits: digits, decimal_places: places },
            Kind::Decimal { max_digits: now, decimal_places },
        ) => places != decimal_places || now < digits,
        // Keys have the type of what they refer to, which is as it was for all that is known here.
        (Kind::ForeignKey | Kind::OneToOne, Kind::ForeignKey | Kind::OneToOne) => false,
        _ => match (text_length(old), text_length(new)) {
            (Some(before), Some(now)) => now < before,
            (None, None) => class(old) != class(new),
            _ => true,
        },
    }
}

/// How long a text may be, for kinds that are texts.
fn text_length(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::Text | Kind::Encrypted { .. } => Some(u32::MAX),
        Kind::Char { max_length } => Some(max_length.unwrap_or(u32::MAX)),
        Kind::Email { max_length }
        | Kind::Url { max_length }
        | Kind::Slug { max_length }
        | Kind::File { max_length }
        | Kind::Image { max_length }
        | Kind::FilePath { max_length } => Some(*max_length),
        _ => None,
    }
}

/// Kinds whose columns have the same type have the same name here.
fn class(kind: &Kind) -> &'static str {
    match kind {
        Kind::SmallAuto | Kind::SmallInteger | Kind::PositiveSmallInteger => "smallint",
        Kind::Auto | Kind::Integer | Kind::PositiveInteger => "integer",
        Kind::BigAuto | Kind::BigInteger | Kind::PositiveBigInteger => "bigint",
        other => other.class_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Index, ModelDef, OrderBy};

    fn before() -> State {
        let mut state = State::new();
        let model = ModelDef::new("shop", "Book")
            .field(Field::new("id", Kind::BigAuto))
            .field(Field::new("title", Kind::Char { max_length: Some(40) }).null(true))
            .primary_key("id");
        state.apply("shop", &Operation::CreateModel(model)).expect("a model");
        state
    }

    fn altered(field: Field) -> Advice {
        let field = Box::new(field);
        advice("shop", &Operation::AlterField { model: "Book".into(), field, fill: None }, &before())
    }

    #[test]
    fn the_worst_of_several_changes_counts() {
        let longer = altered(Field::new("title", Kind::Char { max_length: Some(80) }).null(true));
        assert_eq!((longer.lock, longer.effort), (Some(TableLock::AccessExclusive), Effort::Brief));
        assert!(!longer.is_risky());
        let shorter = altered(Field::new("title", Kind::Char { max_length: Some(20) }).null(true));
        assert_eq!(shorter.effort, Effort::Rewrite);
        let required = altered(Field::new("title", Kind::Text).unique(true));
        assert_eq!(required.effort, Effort::Scan);
        assert!(required.is_risky() && required.to_string().contains("add_constraint_not_valid"), "{required}");
    }

    #[test]
    fn an_index_says_how_it_is_made_in_use() {
        let index = Index::new(vec![OrderBy::asc(Node::path("title"))]).name("by_title");
        let plain = Operation::AddIndex { model: "Book".into(), index: index.clone() };
        assert_eq!(
            advice("shop", &plain, &before()).to_string(),
            "takes SHARE: writers wait while all rows are read; safer: add_index_concurrently in a migration that is not \
             atomic"
        );
        let concurrently = Operation::AddIndexConcurrently { model: "Book".into(), index };
        assert!(!advice("shop", &concurrently, &before()).is_risky());
    }
}
