//! Expressions after their names have been resolved: what is left to do is to write them down.

use crate::field::Kind;
use crate::model::{Entry, SchemaColumn};
use crate::query::{AggregateFunction, Function, Lookup, Operator};

/// A value's place in [`Compiler::values`](super::Compiler). Copies of an expression share it, and so share the
/// statement's parameter: PostgreSQL takes `GROUP BY` and `SELECT` terms for the same only if their parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ValueId(pub(super) u32);

/// A query under construction: its place in [`Compiler::scopes`](super::Compiler).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScopeId(pub(super) usize);

/// A table of a query's `FROM`: its place in the scope's aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AliasId(pub(super) u32);

/// A resolved expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ex<'a> {
    Column(Col<'a>),
    /// A value as an expression of its own, with the kind it was said to be of.
    Value(ValueId, Option<Kind>),
    /// `COUNT(*)`'s argument.
    Star,
    /// A column of a derived table or of the select list, by name; what it stands for.
    Ref(String, Box<Ex<'a>>),
    Binary(Operator, Box<Ex<'a>>, Box<Ex<'a>>, Arithmetic),
    Call(Function, Vec<Ex<'a>>),
    /// A JSON document's member or element; `true` for its text.
    Key(Box<Ex<'a>>, &'a str, bool),
    Aggregate(Box<Figure<'a>>),
    Case(Vec<(Ex<'a>, Ex<'a>)>, Option<Box<Ex<'a>>>),
    Compare(Box<Compare<'a>>),
    Where(Where<'a>),
    Exists(ScopeId),
    Subquery(ScopeId),
    Cast(Box<Ex<'a>>, Kind),
    /// Several columns, compared together with as many values from left to right.
    Row(Vec<Ex<'a>>),
    /// Holds for no row.
    Nothing,
}

/// A column of a table of some scope.
#[derive(Debug, Clone)]
pub(super) struct Col<'a> {
    pub(super) scope: ScopeId,
    pub(super) alias: AliasId,
    pub(super) entry: &'a Entry,
    pub(super) column: &'a SchemaColumn,
    /// What it holds; for a foreign key, the kind of the key it refers to.
    pub(super) kind: Kind,
    /// Whether it stands for a relation, which has but few lookups.
    pub(super) related: bool,
    /// Whether a subquery refers to it over relations, so that it may have several values for a row.
    pub(super) multivalued: bool,
}

impl PartialEq for Col<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.scope == other.scope && self.alias == other.alias && std::ptr::eq(self.column, other.column)
    }
}

impl Col<'_> {
    pub(super) fn is_key(&self) -> bool {
        self.entry.single_key().is_some_and(|key| std::ptr::eq(key, self.column))
    }
}

/// How an operator is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    /// As it is.
    Plain,
    /// A duration with something else.
    Duration,
    /// One date or time less another.
    Difference,
}

/// An aggregate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure<'a> {
    pub(super) function: AggregateFunction,
    pub(super) argument: Ex<'a>,
    pub(super) distinct: bool,
    pub(super) filter: Option<Ex<'a>>,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compare<'a> {
    pub(super) lookup: Lookup,
    pub(super) left: Ex<'a>,
    pub(super) right: Right<'a>,
}

/// What is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Right<'a> {
    /// A value, converted to the kind of the left side.
    Value(ValueId),
    /// Several of them; beside a [`Row`](Ex::Row), one for each of its columns.
    Values(Vec<ValueId>),
    /// Several values and expressions.
    Mixed(Vec<Ex<'a>>),
    Expression(Ex<'a>),
    /// Of `isnull`, and of `exact` with a condition on the left.
    Bool(bool),
    /// A number beyond the column's range: the comparison never holds, or always.
    Beyond {
        always: bool,
    },
    /// Names of keys, for `has_key` and its like.
    Keys(Vec<String>),
}

/// Conditions joined by `AND` or `OR`, perhaps negated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Where<'a> {
    pub(super) any: bool,
    pub(super) negated: bool,
    pub(super) children: Vec<Ex<'a>>,
}

/// A condition: one comparison, which is nearly always all, or several.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clause<'a> {
    One(Ex<'a>),
    Several(Where<'a>),
}

impl<'a> Clause<'a> {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Clause::Several(condition) if condition.children.is_empty())
    }

    /// Both this and another condition hold.
    pub(super) fn and(self, other: Ex<'a>) -> Clause<'a> {
        Clause::Several(match self {
            Clause::One(one) => Where { any: false, negated: false, children: vec![one, other] },
            Clause::Several(mut condition) => {
                condition.add(other, false);
                condition
            }
        })
    }
}

impl<'a> From<Ex<'a>> for Clause<'a> {
    fn from(one: Ex<'a>) -> Self {
        Clause::One(one)
    }
}

impl<'a> From<Where<'a>> for Clause<'a> {
    fn from(several: Where<'a>) -> Self {
        Clause::Several(several)
    }
}

impl<'a> Where<'a> {
    pub(super) fn all() -> Self {
        Where { any: false, negated: false, children: Vec::new() }
    }

    /// Adds a child, whose own children it takes in where that changes nothing (Django's `tree.Node.add`).
    pub(super) fn add(&mut self, child: impl Into<Clause<'a>>, any: bool) {
        if self.any != any {
            let old = std::mem::replace(self, Where { any, negated: false, children: Vec::new() });
            self.children.push(Ex::Where(old));
        }
        match child.into() {
            Clause::One(child) => self.children.push(child),
            Clause::Several(child) if !child.negated && (child.any == any || child.children.len() == 1) => {
                if self.children.is_empty() {
                    self.children = child.children;
                } else {
                    self.children.extend(child.children);
                }
            }
            Clause::Several(child) => self.children.push(Ex::Where(child)),
        }
    }
}

impl<'a> Ex<'a> {
    pub(super) fn compare(lookup: Lookup, left: Ex<'a>, right: Right<'a>) -> Ex<'a> {
        Ex::Compare(Box::new(Compare { lookup, left, right }))
    }

    /// Calls `see` with each expression directly inside this one.
    pub(super) fn children<'s>(&'s self, see: &mut dyn FnMut(&'s Ex<'a>)) {
        match self {
            Ex::Column(_) | Ex::Value(..) | Ex::Star | Ex::Exists(_) | Ex::Subquery(_) | Ex::Nothing => {}
            Ex::Ref(_, source) => see(source),
            Ex::Binary(_, left, right, _) => {
                see(left);
                see(right);
            }
            Ex::Call(_, items) | Ex::Row(items) => items.iter().for_each(see),
            Ex::Key(base, ..) => see(base),
            Ex::Cast(base, _) => see(base),
            Ex::Aggregate(figure) => {
                see(&figure.argument);
                figure.filter.iter().for_each(see);
            }
            Ex::Case(whens, default) => {
                for (condition, result) in whens {
                    see(condition);
                    see(result);
                }
                if let Some(default) = default {
                    see(default);
                }
            }
            Ex::Compare(compare) => {
                see(&compare.left);
                match &compare.right {
                    Right::Expression(right) => see(right),
                    Right::Mixed(items) => items.iter().for_each(see),
                    _ => {}
                }
            }
            Ex::Where(condition) => condition.children.iter().for_each(see),
        }
    }

    /// Calls `change` with each expression directly inside this one.
    pub(super) fn children_mut(&mut self, change: &mut dyn FnMut(&mut Ex<'a>)) {
        match self {
            Ex::Column(_) | Ex::Value(..) | Ex::Star | Ex::Exists(_) | Ex::Subquery(_) | Ex::Nothing => {}
            Ex::Ref(_, source) => change(source),
            Ex::Binary(_, left, right, _) => {
                change(left);
                change(right);
            }
            Ex::Call(_, items) | Ex::Row(items) => items.iter_mut().for_each(change),
            Ex::Key(base, ..) => change(base),
            Ex::Cast(base, _) => change(base),
            Ex::Aggregate(figure) => {
                change(&mut figure.argument);
                figure.filter.iter_mut().for_each(change);
            }
            Ex::Case(whens, default) => {
                for (condition, result) in whens {
                    change(condition);
                    change(result);
                }
                if let Some(default) = default {
                    change(default);
                }
            }
            Ex::Compare(compare) => {
                change(&mut compare.left);
                match &mut compare.right {
                    Right::Expression(right) => change(right),
                    Right::Mixed(items) => items.iter_mut().for_each(change),
                    _ => {}
                }
            }
            Ex::Where(condition) => condition.children.iter_mut().for_each(change),
        }
    }

    fn any_child(&self, mut test: impl FnMut(&Ex<'a>) -> bool) -> bool {
        let mut found = false;
        self.children(&mut |child| found = found || test(child));
        found
    }

    /// Whether it is a figure over a group, or made of one.
    pub(super) fn has_aggregate(&self) -> bool {
        match self {
            Ex::Aggregate(_) => true,
            Ex::Column(_) | Ex::Value(..) => false,
            _ => self.any_child(Ex::has_aggregate),
        }
    }

    /// Whether it holds a subquery.
    pub(super) fn has_subquery(&self) -> bool {
        matches!(self, Ex::Exists(_) | Ex::Subquery(_)) || self.any_child(Ex::has_subquery)
    }

    /// The names of the columns of the select list or derived table that it mentions.
    pub(super) fn refs(&self, names: &mut Vec<String>) {
        match self {
            Ex::Ref(name, _) => names.push(name.clone()),
            _ => self.children(&mut |child| child.refs(names)),
        }
    }

    /// Puts what a reference stands for in its place.
    pub(super) fn inline_refs(&mut self) {
        if let Ex::Ref(_, source) = self {
            *self = (**source).clone();
            self.inline_refs();
        } else {
            self.children_mut(&mut Ex::inline_refs);
        }
    }
}
