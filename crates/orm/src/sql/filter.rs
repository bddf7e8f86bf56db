//! Conditions: trees of `and`, `or` and `not` over comparisons, and what negation means where a value may be missing or
//! there may be many (Django's `build_filter` and `split_exclude`).

use smallvec::SmallVec;

use super::joins::{Interrupted, Names};
use super::lookup::Raw;
use super::resolve::field_error;
use super::scope::{Compiler, Env, Set};
use super::tree::{AliasId, Clause, Ex, Right, ScopeId, Where};
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{FieldId, ModelId};
use crate::query::{Lookup, Node};
use crate::value::Value;

/// A condition, and the joins without whose rows it cannot hold.
type Built<'a> = (Clause<'a>, Set);

/// How many negations a condition stands under.
#[derive(Debug, Clone, Copy, Default)]
struct Negation {
    /// Whether there is any.
    any: bool,
    /// Whether there is an odd number.
    now: bool,
}

/// A node as Django's `Q`: its connector, whether it is negated, its children.
struct Q<'a> {
    any: bool,
    negated: bool,
    children: &'a [Node],
}

fn q(node: &Node) -> Q<'_> {
    match node {
        Node::And(children) => Q { any: false, negated: false, children },
        Node::Or(children) => Q { any: true, negated: false, children },
        Node::Not(inner) => {
            let inner = q(inner);
            Q { negated: !inner.negated, ..inner }
        }
        leaf => Q { any: false, negated: false, children: std::slice::from_ref(leaf) },
    }
}

impl<'a> Compiler<'a> {
    /// Adds a condition to a scope, or its negation (Django's `filter` and `exclude`).
    pub(super) fn filter(&mut self, scope: ScopeId, node: &'a Node, negated: bool) -> Result<()> {
        let inner = self.inner_joins(scope);
        let mut env = Env { reuse: Some(Set::default()), joins: true, summarize: false, filtering: true };
        let outer = Q { any: false, negated, children: std::slice::from_ref(node) };
        let (clause, _) = self.tree(scope, &outer, &mut env, Negation::default())?;
        if !clause.is_empty() {
            self.scope_mut(scope).filter.add(clause, false);
        }
        self.demote(scope, &inner);
        // An aggregate that was not annotated first groups the rows too.
        let state = self.scope(scope);
        if matches!(state.group_by, super::scope::GroupBy::None) && state.filter.children.iter().any(Ex::has_aggregate)
        {
            self.group(scope)?;
        }
        Ok(())
    }

    /// A condition as part of an expression.
    pub(super) fn condition(&mut self, scope: ScopeId, node: &'a Node, env: &mut Env) -> Result<Ex<'a>> {
        let filtering = std::mem::replace(&mut env.filtering, false);
        let clause = self.build(scope, node, env, Negation::default());
        env.filtering = filtering;
        Ok(match clause?.0 {
            Clause::One(only) => only,
            Clause::Several(mut clause) => match clause.children.pop() {
                Some(only) if clause.children.is_empty() && !clause.negated => only,
                last => {
                    clause.children.extend(last);
                    Ex::Where(clause)
                }
            },
        })
    }

    fn tree(&mut self, scope: ScopeId, q: &Q<'a>, env: &mut Env, negation: Negation) -> Result<Built<'a>> {
        let negation = Negation { any: negation.any || q.negated, now: negation.now != q.negated };
        let mut clause = Where { any: q.any, negated: q.negated, children: Vec::new() };
        if q.children.len() > 1 {
            clause.children.reserve_exact(q.children.len());
        }
        let mut votes: SmallVec<[(AliasId, usize); 4]> = SmallVec::new();
        let (mut promote, mut demote) = (Set::default(), Set::default());
        for child in q.children {
            let (built, needed) = self.build(scope, child, env, negation)?;
            // One condition alone has its way; several vote.
            if let [_] = q.children {
                demote = needed;
            } else {
                for alias in needed.iter() {
                    match votes.iter_mut().find(|(voted, _)| *voted == alias) {
                        Some((_, count)) => *count += 1,
                        None => votes.push((alias, 1)),
                    }
                }
            }
            if !built.is_empty() {
                clause.add(built, q.any);
            }
        }
        if !env.filtering {
            return Ok((clause.into(), Set::default()));
        }
        // `not (a and b)` is `not a or not b` as far as joins are concerned.
        let any = q.any != negation.now;
        for (alias, count) in votes {
            if any && count < q.children.len() {
                promote.insert(alias);
            }
            if !any || count == q.children.len() {
                demote.insert(alias);
            }
        }
        self.promote(scope, &promote);
        self.demote(scope, &demote);
        Ok((clause.into(), demote))
    }

    fn build(&mut self, scope: ScopeId, node: &'a Node, env: &mut Env, negation: Negation) -> Result<Built<'a>> {
        match node {
            Node::And(_) | Node::Or(_) | Node::Not(_) => self.tree(scope, &q(node), env, negation),
            Node::Lookup { left, lookup, right } => match left.as_ref() {
                Node::Path(names) => self.keyword(scope, Names::Query(names), *lookup, right, env, negation),
                left => {
                    let left = self.resolve(scope, left, env)?;
                    let raw = self.raw(scope, right, env)?;
                    let (compare, _) = self.compare(left, &mut std::iter::empty(), *lookup, raw)?;
                    Ok((compare.into(), Set::default()))
                }
            },
            Node::Path(names) => {
                let yes = Raw::Owned(Value::Bool(true));
                self.keyword_with(
                    scope,
                    Names::Query(names),
                    Some(Lookup::Exact),
                    yes,
                    Set::default(),
                    env,
                    negation,
                    None,
                )
            }
            other => {
                let resolved = self.resolve(scope, other, env)?;
                if self.kind(&resolved)? != Some(Kind::Boolean) {
                    return Err(Error::new(
                        ErrorKind::Type,
                        "a filter needs a condition: compare the expression with something",
                    ));
                }
                let holds = match resolved {
                    Ex::Compare(_) => resolved,
                    other => Ex::compare(Lookup::Exact, other, Right::Bool(true)),
                };
                Ok((holds.into(), Set::default()))
            }
        }
    }

    /// A comparison that starts from a path.
    fn keyword(
        &mut self,
        scope: ScopeId,
        names: Names<'_, 'a>,
        lookup: Option<Lookup>,
        right: &'a Node,
        env: &mut Env,
        negation: Negation,
    ) -> Result<Built<'a>> {
        if matches!(right, Node::Value(..)) {
            let raw = self.raw(scope, right, env)?;
            return self.keyword_with(scope, names, lookup, raw, Set::default(), env, negation, Some(right));
        }
        let before: Vec<u32> = self.scope(scope).aliases.iter().map(|alias| alias.uses).collect();
        let raw = self.raw(scope, right, env)?;
        let aliases = self.scope(scope).aliases.iter().enumerate();
        let mut used = Set::default();
        for (index, _) in aliases.filter(|(index, alias)| alias.uses > before.get(*index).copied().unwrap_or(0)) {
            used.insert(AliasId(index as u32));
        }
        self.keyword_with(scope, names, lookup, raw, used, env, negation, Some(right))
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parts of one condition and where it stands")]
    fn keyword_with(
        &mut self,
        scope: ScopeId,
        names: Names<'_, 'a>,
        lookup: Option<Lookup>,
        raw: Raw<'a>,
        mut used: Set,
        env: &mut Env,
        negation: Negation,
        right: Option<&'a Node>,
    ) -> Result<Built<'a>> {
        if let Some((annotation, consumed)) = self.annotation(scope, names, env)? {
            let mut rest = names.iter().skip(consumed);
            let (compare, _) = self.compare(annotation, &mut rest, lookup, raw)?;
            return Ok((compare.into(), Set::default()));
        }
        let model = self.scope(scope).start();
        if let Some(clause) = self.composite(scope, names, lookup, &raw)? {
            return Ok((clause, Set::default()));
        }
        let walk = match self.walk(model, names, !(negation.any && env.filtering)) {
            Ok(walk) => walk,
            Err(Interrupted::Failed(error)) => return Err(self.with_annotations(scope, error, names)),
            Err(Interrupted::Many { counts, hops }) => {
                return self.split_exclude(scope, names, lookup, raw, right, env, &counts, &hops);
            }
        };
        if !env.joins && walk.used > 1 {
            return Err(field_error("a path to another model's fields is not allowed here"));
        }
        let base = self.origin(scope);
        let mut reached = self.reach_from(scope, base, model, &walk, env.reuse.as_ref());
        used.insert(base);
        for alias in &reached.way {
            used.insert(*alias);
        }
        self.path = std::mem::take(&mut reached.way);
        if let Some(reuse) = &mut env.reuse {
            reuse.add(&reached.joins);
        }
        let related = walk.related;
        let mut column = self.column(scope, reached.alias, reached.entry, reached.column, related);
        if !related {
            column.kind = walk.column.end_kind.clone();
        }
        let other = match &raw {
            Raw::Expression(Ex::Column(other)) if other.column.null => Some(other.clone()),
            _ => None,
        };
        let guard = Ex::Column(column.clone());
        let mut rest = names.iter().skip(walk.used);
        let (compare, is_none) = self.compare(Ex::Column(column), &mut rest, lookup, raw)?;
        let is_null = match &compare {
            Ex::Compare(compare) => match (&compare.lookup, &compare.right) {
                (Lookup::IsNull, Right::Bool(wanted)) => Some(*wanted),
                _ => None,
            },
            _ => None,
        };
        let mut clause = Clause::One(compare);
        let mut needs_outer = is_null == Some(true) && !negation.now;
        if negation.now && is_null != Some(true) && !is_none {
            needs_outer = true;
            if is_null.is_none() {
                // A row where the value is missing does not match, so the negation must hold for it.
                if reached.column.null || self.is_outer(scope, reached.alias) {
                    clause = clause.and(Ex::compare(Lookup::IsNull, guard, Right::Bool(false)));
                }
                if let Some(other) = other {
                    clause = clause.and(Ex::compare(Lookup::IsNull, Ex::Column(other), Right::Bool(false)));
                }
            }
        }
        Ok((clause, if needs_outer { Set::default() } else { used }))
    }

    /// A comparison with a primary key of several columns: each column with its part of the value.
    fn composite(
        &mut self,
        scope: ScopeId,
        names: Names<'_, 'a>,
        lookup: Option<Lookup>,
        raw: &Raw<'a>,
    ) -> Result<Option<Clause<'a>>> {
        let model = self.scope(scope).model;
        if names.get(0) != Some("pk") || model.primary_key.len() < 2 {
            return Ok(None);
        }
        let named = match (names.len(), lookup, names.get(1)) {
            (1, lookup, _) => Some(lookup.unwrap_or(Lookup::Exact)),
            (2, None, Some(name)) => name.parse().ok(),
            _ => None,
        };
        let Some(lookup @ (Lookup::Exact | Lookup::In | Lookup::Gt | Lookup::Gte | Lookup::Lt | Lookup::Lte)) = named
        else {
            return Err(field_error(format!("`pk` of {} has the lookups exact, gt, gte, in, lt, lte", model.label)));
        };
        let Raw::List(parts) = raw else {
            return Err(Error::new(ErrorKind::Type, format!("`pk` of {} is compared with a list", model.label)));
        };
        if !matches!(lookup, Lookup::Exact | Lookup::In) {
            return self.composite_order(scope, lookup, parts).map(|compare| Some(compare.into()));
        }
        let keys: Vec<&Raw<'a>> = match lookup {
            Lookup::In => parts.iter().collect(),
            _ => vec![raw],
        };
        let base = self.base(scope);
        let mut any = Where { any: true, negated: false, children: Vec::new() };
        for key in keys {
            let values = match key {
                Raw::List(values) if values.len() == model.primary_key.len() => values,
                _ => {
                    return Err(Error::new(
                        ErrorKind::Value,
                        format!("the primary key of {} has {} columns", model.label, model.primary_key.len()),
                    ));
                }
            };
            let mut all = Where::all();
            for (position, value) in model.primary_key.iter().zip(values) {
                let Some(column) = model.columns.get(*position) else { continue };
                let column = Ex::Column(self.column(scope, base, model, column, false));
                let (compare, _) = self.compare(column, &mut std::iter::empty(), Some(Lookup::Exact), value.clone())?;
                all.children.push(compare);
            }
            any.children.push(Ex::Where(all));
        }
        if any.children.is_empty() {
            any.children.push(Ex::Nothing);
        }
        Ok(Some(any.into()))
    }

    /// Whether a primary key of several columns comes after or before another, from its first column to its last.
    fn composite_order(&mut self, scope: ScopeId, lookup: Lookup, values: &[Raw<'a>]) -> Result<Ex<'a>> {
        let model = self.scope(scope).model;
        if values.len() != model.primary_key.len() {
            let text = format!("the primary key of {} has {} columns", model.label, model.primary_key.len());
            return Err(Error::new(ErrorKind::Value, text));
        }
        let base = self.base(scope);
        let (mut columns, mut ids) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
        for (position, value) in model.primary_key.iter().zip(values) {
            let Some(column) = model.columns.get(*position) else { continue };
            let left = Ex::Column(self.column(scope, base, model, column, false));
            let (compare, _) = self.compare(left, &mut std::iter::empty(), Some(lookup), value.clone())?;
            let Ex::Compare(compare) = compare else { continue };
            let Right::Value(id) = compare.right else {
                let text = "a key of several columns is compared with one plain value, in its range, for each";
                return Err(Error::new(ErrorKind::Value, text)
                    .in_model(&*model.label)
                    .in_field(model.field(column.field).name.to_string()));
            };
            columns.push(compare.left);
            ids.push(id);
        }
        Ok(Ex::compare(lookup, Ex::Row(columns), Right::Values(ids)))
    }

    /// A negated condition over a relation to many rows: no row of a subquery may meet it.
    #[expect(clippy::too_many_arguments, reason = "they are the parts of one condition and where it stands")]
    fn split_exclude(
        &mut self,
        scope: ScopeId,
        names: Names<'_, 'a>,
        lookup: Option<Lookup>,
        raw: Raw<'a>,
        right: Option<&'a Node>,
        env: &mut Env,
        counts: &[usize],
        hops: &[(bool, FieldId, ModelId)],
    ) -> Result<Built<'a>> {
        let model = self.scope(scope).model;
        let inner = self.open(model, Some(scope));
        // A plain reference means the query around; anything else was meant for the rows of the subquery.
        let raw = match right {
            Some(right) if !matches!(right, Node::Path(_) | Node::Outer(_) | Node::Value(..)) => {
                let mut env = Env { reuse: Some(Set::default()), joins: true, summarize: false, filtering: true };
                self.raw(inner, right, &mut env)?
            }
            _ => raw,
        };
        let already = self.inner_joins(inner);
        let mut inner_env = Env { reuse: Some(Set::default()), joins: true, summarize: false, filtering: true };
        let negation = Negation::default();
        let (clause, needed) =
            self.keyword_with(inner, names, lookup, raw, Set::default(), &mut inner_env, negation, None)?;
        self.demote(inner, &needed);
        self.scope_mut(inner).filter.add(clause, false);
        self.demote(inner, &already);
        self.scope_mut(inner).clear_order();

        let path = std::mem::take(&mut self.path);
        let (prefix, contains_outer, key) = self.trim_start(inner, names, counts, hops, &path)?;
        let Ex::Column(key) = key else { return Err(field_error("a path over many rows has no key")) };

        let same_table = self.scope(inner).alias(key.alias).map(|alias| (alias.entry.id, alias.number));
        let reused = env.reuse.as_ref().and_then(|reuse| {
            reuse
                .iter()
                .find(|id| self.scope(scope).alias(*id).map(|alias| (alias.entry.id, alias.number)) == same_table)
        });
        let restriction = match reused {
            Some(outer) => {
                let here = self.key_column(inner, key.alias, key.entry)?;
                let there = self.key_column(scope, outer, key.entry)?;
                Ex::compare(Lookup::Exact, here, Right::Expression(there))
            }
            None => {
                let mut outer_env = Env::expression();
                let mut there = self.reference(scope, Names::Made(&prefix), &mut outer_env)?;
                if prefix.len() > 1
                    && let Ex::Column(column) = &mut there
                {
                    column.multivalued = true;
                }
                Ex::compare(Lookup::Exact, Ex::Column(key), Right::Expression(there))
            }
        };
        self.scope_mut(inner).filter.add(restriction, false);
        self.reduce_to_exists(inner)?;
        let none = Ex::compare(Lookup::Exact, Ex::Exists(inner), Right::Bool(true));
        let mut condition = Where { any: false, negated: false, children: vec![none] };
        if contains_outer {
            let negation = Negation { any: true, now: true };
            let yes = Raw::Owned(Value::Bool(true));
            let (missing, _) = self.keyword_with(
                scope,
                Names::Made(&prefix),
                Some(Lookup::IsNull),
                yes,
                Set::default(),
                env,
                negation,
                None,
            )?;
            condition.add(missing, true);
        }
        Ok((condition.into(), Set::default()))
    }

    /// Takes the tables before the first relation to many rows out of a subquery, and that relation's table too where
    /// the one after has its key. Gives the path that the subquery is tied to its surroundings by, whether a join on it
    /// may lead to nothing, and the column on the subquery's side.
    fn trim_start(
        &mut self,
        inner: ScopeId,
        names: Names<'_, 'a>,
        counts: &[usize],
        hops: &[(bool, FieldId, ModelId)],
        path: &[AliasId],
    ) -> Result<(Vec<&'a str>, bool, Ex<'a>)> {
        let lost = || field_error("a path over many rows was lost on the way");
        let mut contains_outer = false;
        let mut trimmed = 0;
        for (position, (many, ..)) in hops.iter().enumerate() {
            trimmed = position;
            if *many {
                break;
            }
            let next = path.get(position + 1).copied().ok_or_else(lost)?;
            contains_outer = contains_outer || self.is_outer(inner, next);
            self.unuse(inner, path.get(position).copied().ok_or_else(lost)?);
        }
        let first = path.get(trimmed + 1).copied().ok_or_else(lost)?;
        let before = path.get(trimmed).copied().ok_or_else(lost)?;
        let join = self.scope(inner).alias(first).and_then(|alias| alias.join.clone()).ok_or_else(lost)?;
        let mut left = trimmed;
        let mut prefix = Vec::new();
        for (position, count) in counts.iter().enumerate() {
            let Some(rest) = left.checked_sub(*count) else { break };
            prefix.extend(names.get(position));
            left = rest;
        }
        let near_entry = self.scope(inner).alias(before).map(|alias| alias.entry).ok_or_else(lost)?;
        prefix.push(near_entry.field(join.hop.from_column.field).name.as_ref());
        let (alias, entry, column) = if join.outer {
            (before, near_entry, join.hop.from_column)
        } else {
            self.unuse(inner, before);
            (first, join.hop.to, join.hop.to_column)
        };
        // The first table still in use is where the subquery starts.
        if let Some(start) = self.scope_mut(inner).aliases.iter_mut().find(|alias| alias.uses > 0) {
            start.join = None;
        }
        let mut key = self.column(inner, alias, entry, column, false);
        key.related = false;
        Ok((prefix, contains_outer, Ex::Column(key)))
    }

    /// Makes a query answer only whether it has rows (Django's `Query.exists`).
    pub(super) fn reduce_to_exists(&mut self, scope: ScopeId) -> Result<()> {
        self.reduce(scope, true)
    }

    fn reduce(&mut self, scope: ScopeId, limit: bool) -> Result<()> {
        if !(self.scope(scope).distinct && self.scope(scope).is_sliced()) {
            if matches!(self.scope(scope).group_by, super::scope::GroupBy::Selected) {
                self.list_model_columns(scope);
                self.group_by_selected(scope, false)?;
            }
            self.scope_mut(scope).clear_columns();
        }
        if let Some(combined) = &self.scope(scope).combined
            && combined.combinator == crate::query::Combinator::Union
        {
            for part in combined.parts.clone() {
                self.reduce(part, false)?;
            }
        }
        self.scope_mut(scope).clear_order();
        if limit {
            self.slice(scope, 0, Some(1));
        }
        let one = self.bind(Value::Int(1));
        let scope = self.scope_mut(scope);
        scope.annotations.push(super::scope::Annotation {
            name: "a".to_owned(),
            expression: Ex::Value(one, None),
            selected: true,
        });
        if let Some(selected) = &mut scope.selected {
            selected.push(super::scope::Selected::Annotation("a".to_owned()));
        }
        Ok(())
    }
}

impl<'a> Compiler<'a> {
    /// The parts of a condition that concern rows, and those that concern groups (Django's `split_having`).
    pub(super) fn split_having(condition: Where<'a>, negated: bool) -> (Option<Where<'a>>, Option<Where<'a>>) {
        if !condition.children.iter().any(Ex::has_aggregate) {
            return (Some(condition), None);
        }
        let negated = negated != condition.negated;
        if negated != condition.any {
            return (None, Some(condition));
        }
        let part = || Where { any: condition.any, negated: condition.negated, children: Vec::new() };
        let (mut rows, mut groups) = (part(), part());
        for child in condition.children {
            match child {
                Ex::Where(inner) => {
                    let (row, group) = Self::split_having(inner, negated);
                    rows.children.extend(row.map(Ex::Where));
                    groups.children.extend(group.map(Ex::Where));
                }
                other if other.has_aggregate() => groups.children.push(other),
                other => rows.children.push(other),
            }
        }
        let some = |part: Where<'a>| (!part.children.is_empty()).then_some(part);
        (some(rows), some(groups))
    }
}
