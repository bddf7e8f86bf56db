//! A scope as a `SELECT`: its columns, order and groups, and the statement around them.

use std::borrow::Cow;

use super::joins::{Interrupted, Names};
use super::resolve::{field_error, unknown_kind};
use super::scope::{Columns, Compiler, Env, GroupBy, Order, Related, Selected};
use super::sealed::{refused, sealed_at};
use super::tree::{AliasId, Col, Ex, ScopeId, Where};
use super::write::{Out, Stop, Written};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::field::Kind;
use crate::model::{Entry, FieldId, ModelId, Named, OrderBy};
use crate::query::{Combinator, Node};
use crate::relation;

/// A scope ready to be written.
pub(super) struct Prepared<'a> {
    /// The model whose columns come first, if they are no more than that: of its first table, under no other names.
    pub(super) whole: Option<&'a Entry>,
    /// The columns after those of `whole`.
    pub(super) columns: Vec<Output<'a>>,
    order: Vec<Term<'a>>,
    pub(super) rows: Option<Where<'a>>,
    groups: Option<Where<'a>>,
    group_by: Option<Vec<Ex<'a>>>,
    /// Whether the order is the model's own, which gives way to a grouping.
    model_order: bool,
    pub(super) related: Vec<relation::Related>,
}

/// A column of the result.
pub(super) struct Output<'a> {
    pub(super) expression: Ex<'a>,
    pub(super) name: Cow<'a, str>,
    pub(super) kind: Option<Kind>,
    /// Whether `order_by` knows it by its name.
    chosen: bool,
    /// Whether it is written with `AS`.
    named: bool,
}

/// A step of the order.
struct Term<'a> {
    by: By<'a>,
    descending: bool,
    nulls_first: Option<bool>,
}

enum By<'a> {
    /// A column of the result, from 0.
    Place(usize),
    Expression(Ex<'a>),
}

impl<'a> Prepared<'a> {
    /// A column of the result, from 0, unless it is one of `whole`.
    pub(super) fn output(&self, place: usize) -> Option<&Output<'a>> {
        self.columns.get(place.checked_sub(self.whole.map_or(0, |model| model.columns.len()))?)
    }
}

impl<'a> Compiler<'a> {
    /// Prepares every scope for writing.
    pub(super) fn prepare(&mut self) -> Result<()> {
        let mut next = 0;
        while next < self.scopes.len() {
            let prepared = self.prepare_scope(ScopeId(next))?;
            self.scopes[next].prepared = Some(prepared);
            next += 1;
        }
        Ok(())
    }

    fn prepare_scope(&mut self, scope: ScopeId) -> Result<Prepared<'a>> {
        if self.scope(scope).derived.is_none() && self.scope(scope).aliases.iter().all(|alias| alias.uses == 0) {
            self.base(scope);
        }
        let whole = self.whole(scope);
        let mut related = Vec::new();
        let columns = self.outputs(scope, whole.is_some(), &mut related)?;
        let (order, model_order) = self.order(scope, whole, &columns)?;
        let condition = std::mem::replace(&mut self.scope_mut(scope).filter, Where::all());
        let (rows, groups) =
            if condition.children.is_empty() { (None, None) } else { Self::split_having(condition, false) };
        let group_by = self.grouping(scope, &columns, &order, model_order, groups.as_ref());
        Ok(Prepared { whole, columns, order, rows, groups, group_by, model_order, related })
    }

    /// The model, if all that is asked of its columns is to stand at the beginning of the result: nothing groups by
    /// them, compares with them or names them anew, and its table goes by its own name.
    fn whole(&self, scope: ScopeId) -> Option<&'a Entry> {
        let state = self.scope(scope);
        let plain = state.selected.is_none()
            && matches!(state.columns, Columns::Model)
            && matches!(state.group_by, GroupBy::None)
            && state.derived.is_none()
            && state.combined.is_none()
            && state.parent.is_none()
            && !state.distinct
            && !state.name_columns;
        plain.then_some(state.model)
    }

    /// The columns of the result; without those of the model itself if they are known as a `whole`.
    fn outputs(
        &mut self,
        scope: ScopeId,
        whole: bool,
        related: &mut Vec<relation::Related>,
    ) -> Result<Vec<Output<'a>>> {
        let state = self.scope(scope);
        let name_all = state.name_columns;
        let mut outputs: Vec<Output<'a>> = Vec::new();
        if let Some(selected) = &state.selected {
            for column in selected {
                match (column, &state.columns) {
                    (Selected::Column(place), Columns::Listed(columns)) => {
                        if let Some((name, expression)) = columns.get(*place) {
                            outputs.push(Output {
                                expression: expression.clone(),
                                kind: None,
                                name: Cow::Owned(name.clone()),
                                chosen: true,
                                named: false,
                            });
                        }
                    }
                    (Selected::Annotation(name), _) => {
                        if let Some(annotation) = state.annotation(name) {
                            outputs.push(Output {
                                expression: annotation.expression.clone(),
                                kind: None,
                                name: Cow::Owned(name.clone()),
                                chosen: true,
                                named: true,
                            });
                        }
                    }
                    _ => {}
                }
            }
        } else {
            match &state.columns {
                Columns::Model if state.derived.is_none() && state.combined.is_none() => {
                    let model = state.model;
                    let base = self.base(scope);
                    if !whole {
                        self.model_outputs(scope, base, model, &mut outputs);
                    }
                    let mut wanted = std::mem::take(&mut self.scope_mut(scope).related);
                    for relation in &mut wanted {
                        related.push(self.related_outputs(scope, base, model, relation, &mut outputs)?);
                    }
                }
                Columns::Model => {}
                Columns::Listed(columns) => {
                    outputs.extend(columns.iter().map(|(name, expression)| Output {
                        expression: expression.clone(),
                        kind: None,
                        name: Cow::Owned(name.clone()),
                        chosen: false,
                        named: false,
                    }));
                }
            }
            for annotation in self.scope(scope).annotations.iter().filter(|annotation| annotation.selected) {
                outputs.push(Output {
                    expression: annotation.expression.clone(),
                    kind: None,
                    name: Cow::Owned(annotation.name.clone()),
                    chosen: true,
                    named: true,
                });
            }
        }
        for output in &mut outputs {
            if output.kind.is_none() {
                output.kind = Some(self.kind(&output.expression)?.ok_or_else(unknown_kind)?);
            }
        }
        if name_all {
            for (place, output) in outputs.iter_mut().enumerate().filter(|(_, output)| !output.named) {
                output.name = Cow::Owned(format!("col{}", place + 1));
                output.named = true;
            }
        }
        Ok(outputs)
    }

    fn model_outputs(&mut self, scope: ScopeId, alias: AliasId, model: &'a Entry, outputs: &mut Vec<Output<'a>>) {
        outputs.reserve(model.columns.len());
        for column in &model.columns {
            // The stored kind is enough to read it.
            let col = Col {
                scope,
                alias,
                entry: model,
                column,
                kind: column.kind.clone(),
                related: false,
                multivalued: false,
            };
            outputs.push(Output {
                kind: Some(column.kind.clone()),
                expression: Ex::Column(col),
                name: Cow::Borrowed(&column.attname),
                chosen: false,
                named: false,
            });
        }
    }

    fn related_outputs(
        &mut self,
        scope: ScopeId,
        from: AliasId,
        model: &'a Entry,
        wanted: &mut Related<'a>,
        outputs: &mut Vec<Output<'a>>,
    ) -> Result<relation::Related> {
        let is_key = |name: &str| match model.named(name) {
            Some(Named::Field(field)) => matches!(model.field(field).kind, Kind::ForeignKey | Kind::OneToOne),
            _ => false,
        };
        if !is_key(wanted.name) {
            let choices: Vec<&str> = model.choices().into_iter().filter(|name| is_key(name) && *name != "pk").collect();
            return Err(field_error(format!(
                "`select_related` cannot follow `{}` of {}: choices are {}",
                wanted.name,
                model.label,
                choices.join(", ")
            )));
        }
        let walk = match self.walk(model, Names::Made(&[wanted.name]), true) {
            Ok(walk) => walk,
            Err(Interrupted::Failed(error)) => return Err(error),
            Err(Interrupted::Many { .. }) => return Err(field_error("a relation to many rows is not allowed here")),
        };
        let mut alias = from;
        let all = self.reach_from(scope, from, model, &walk, None).way;
        if let Some(last) = all.last() {
            alias = *last;
            // Reaching let go of it, since the key alone needs no join.
            if let Some(table) = self.scope_mut(scope).alias_mut(alias) {
                table.uses += 1;
            }
        }
        self.model_outputs(scope, alias, walk.entry, outputs);
        let mut nested = Vec::new();
        for relation in &mut wanted.nested {
            nested.push(self.related_outputs(scope, alias, walk.entry, relation, outputs)?);
        }
        Ok(relation::Related {
            field: wanted.name.to_owned(),
            columns: walk.entry.columns.len(),
            key: walk.entry.primary_key.first().copied().unwrap_or(0),
            nested,
        })
    }

    fn order(
        &mut self,
        scope: ScopeId,
        whole: Option<&Entry>,
        columns: &[Output<'a>],
    ) -> Result<(Vec<Term<'a>>, bool)> {
        let state = self.scope(scope);
        let reversed = state.reversed;
        let (steps, model_order): (&'a [OrderBy], bool) = match state.order_by {
            Order::By(steps) => (steps, false),
            Order::Unordered => return Ok((Vec::new(), false)),
            Order::Model if state.combined.is_some() || state.derived.is_some() => return Ok((Vec::new(), false)),
            Order::Model => (&state.model.definition.ordering, true),
        };
        let mut terms = Vec::with_capacity(steps.len());
        for step in steps {
            let descending = step.descending != reversed;
            let nulls_first = step.nulls_first.map(|first| first != reversed);
            self.order_step(scope, whole, columns, step, descending, nulls_first, &mut terms)?;
        }
        Ok((terms, model_order && !steps.is_empty()))
    }

    #[expect(clippy::too_many_arguments, reason = "a step of the order, and what it may stand for")]
    fn order_step(
        &mut self,
        scope: ScopeId,
        whole: Option<&Entry>,
        columns: &[Output<'a>],
        step: &'a OrderBy,
        descending: bool,
        nulls_first: Option<bool>,
        terms: &mut Vec<Term<'a>>,
    ) -> Result<()> {
        let by = |by| Term { by, descending, nulls_first };
        let place_of = |column: usize| By::Place(whole.map_or(0, |model| model.columns.len()) + column);
        let Node::Path(path) = &step.expression else {
            let resolved = self.resolve(scope, &step.expression, &mut Env::expression())?;
            let place = columns.iter().position(|column| column.named && column.expression == resolved);
            terms.push(by(place.map_or(By::Expression(resolved), place_of)));
            return Ok(());
        };
        let names = Names::Query(path);
        let is_name = |name: &str| names.prefix_named(name) == Some(names.len());
        if let Some(combined) = &self.scope(scope).combined {
            let part = combined.parts.first().copied();
            return match part.and_then(|part| self.place_in_part(part, names)) {
                Some(place) => {
                    terms.push(by(By::Place(place)));
                    Ok(())
                }
                None => Err(Error::new(
                    ErrorKind::Database,
                    format!("`{}` is no column of the combined result to order by", path.join("__")),
                )),
            };
        }
        if let Some(place) = columns.iter().position(|column| column.chosen && is_name(&column.name)) {
            terms.push(by(place_of(place)));
            return Ok(());
        }
        if let Some((mut resolved, used)) = self.annotation(scope, names, &Env::expression())? {
            for name in names.iter().skip(used) {
                resolved = self.transform(resolved, name)?;
            }
            terms.push(by(By::Expression(resolved)));
            return Ok(());
        }
        let model = self.scope(scope).model;
        let base = self.base(scope);
        let mut seen = Vec::new();
        self.order_by_name(scope, base, model, names, (descending, nulls_first), &mut seen, terms)
    }

    /// The place of a column in the first query of a union.
    fn place_in_part(&self, part: ScopeId, names: Names<'_, 'a>) -> Option<usize> {
        let state = self.scope(part);
        let whole = |name: &str| names.prefix_named(name) == Some(names.len());
        if let Some(selected) = &state.selected {
            return selected.iter().position(|column| match (column, &state.columns) {
                (Selected::Column(place), Columns::Listed(columns)) => {
                    columns.get(*place).is_some_and(|(name, _)| whole(name))
                }
                (Selected::Annotation(name), _) => whole(name),
                _ => false,
            });
        }
        let name = names.get(0).filter(|_| names.len() == 1)?;
        let annotation = state.annotations.iter().filter(|a| a.selected).position(|a| a.name == name);
        if let Some(place) = annotation {
            return Some(state.model.columns.len() + place);
        }
        match state.model.named(name) {
            Some(Named::Field(field) | Named::Column(field)) => {
                state.model.columns.iter().position(|column| column.field == field)
            }
            _ => None,
        }
    }

    /// Orders by a field, or by the other model's own order where the path ends in a relation.
    #[expect(clippy::too_many_arguments, reason = "the recursion carries where it is and what it has seen")]
    fn order_by_name(
        &mut self,
        scope: ScopeId,
        from: AliasId,
        model: &'a Entry,
        names: Names<'_, 'a>,
        (descending, nulls_first): (bool, Option<bool>),
        seen: &mut Vec<Vec<(ModelId, FieldId)>>,
        terms: &mut Vec<Term<'a>>,
    ) -> Result<()> {
        let walk = match self.walk(model, names, true) {
            Ok(walk) => walk,
            Err(Interrupted::Failed(error)) => return Err(self.with_annotations(scope, error, names)),
            Err(Interrupted::Many { .. }) => return Err(field_error("a relation to many rows is not allowed here")),
        };
        let last = names.len().checked_sub(1).and_then(|last| names.get(last)).unwrap_or_default();
        let by_key = (names.len() == 1 && last == "pk")
            || last.strip_suffix("_id").is_some() && {
                // The foreign key's column by its own name.
                walk.hops.last().is_some_and(|hop| hop.direct && hop.from_column.attname == last)
            };
        let ordering: &'a [OrderBy] = &walk.entry.definition.ordering;
        if walk.related && walk.used == names.len() && !ordering.is_empty() && !by_key {
            let way: Vec<_> = walk.hops.iter().map(|hop| hop.key).collect();
            if seen.contains(&way) {
                return Err(field_error("the models' orders refer to one another in a circle"));
            }
            seen.push(way);
            let all = self.reach_from(scope, from, model, &walk, None).way;
            let alias = all.last().copied().unwrap_or(from);
            if let Some(table) = self.scope_mut(scope).alias_mut(alias) {
                table.uses += 1;
            }
            for step in ordering {
                let Node::Path(path) = &step.expression else {
                    self.scope_mut(scope).origin = Some((alias, walk.entry));
                    let resolved = self.resolve(scope, &step.expression, &mut Env::expression());
                    self.scope_mut(scope).origin = None;
                    terms.push(Term {
                        by: By::Expression(resolved?),
                        descending: descending != step.descending,
                        nulls_first: step.nulls_first.map(|first| first != descending).or(nulls_first),
                    });
                    continue;
                };
                let direction = (descending != step.descending, step.nulls_first.or(nulls_first));
                self.order_by_name(scope, alias, walk.entry, Names::Query(path), direction, seen, terms)?;
            }
            return Ok(());
        }
        let reached = self.reach_from(scope, from, model, &walk, None);
        let mut resolved = Ex::Column(self.column(scope, reached.alias, reached.entry, reached.column, false));
        for name in names.iter().skip(walk.used) {
            resolved = self.transform(resolved, name)?;
        }
        terms.push(Term { by: By::Expression(resolved), descending, nulls_first });
        Ok(())
    }

    /// What rows are grouped by: what was fixed, and all else that must have one value a group.
    fn grouping(
        &self,
        scope: ScopeId,
        columns: &[Output<'a>],
        order: &[Term<'a>],
        model_order: bool,
        groups: Option<&Where<'a>>,
    ) -> Option<Vec<Ex<'a>>> {
        let mut terms: Vec<Ex<'a>> = Vec::new();
        let mut named: Vec<&str> = Vec::new();
        match &self.scope(scope).group_by {
            GroupBy::None => return None,
            GroupBy::Selected => {}
            GroupBy::By(fixed) => {
                for term in fixed {
                    match term {
                        Ex::Ref(name, source) => {
                            if !named.contains(&name.as_str()) {
                                named.push(name);
                                terms.push((**source).clone());
                            }
                        }
                        other => terms.push(other.clone()),
                    }
                }
            }
        }
        for column in columns {
            if column.named && named.contains(&column.name.as_ref()) {
                continue;
            }
            terms.extend(self.group_columns(scope, &column.expression));
        }
        if !model_order {
            for term in order {
                if let By::Expression(ex) = &term.by {
                    terms.extend(self.group_columns(scope, ex));
                }
            }
        }
        let mut having = Vec::new();
        if let Some(groups) = groups {
            for child in &groups.children {
                having.extend(self.group_columns(scope, child));
            }
        }
        terms.extend(having.iter().cloned());
        if self.dialect == Dialect::Postgres {
            // A table's other columns follow from its key.
            let keyed: Vec<(ScopeId, AliasId)> = terms
                .iter()
                .filter_map(|term| match term {
                    Ex::Column(column) if column.is_key() && column.entry.definition.managed => {
                        Some((column.scope, column.alias))
                    }
                    _ => None,
                })
                .collect();
            terms.retain(|term| match term {
                Ex::Column(column) => {
                    column.is_key() || having.contains(term) || !keyed.contains(&(column.scope, column.alias))
                }
                _ => true,
            });
        }
        Some(terms)
    }
}

impl<'a> Out<'_, 'a> {
    /// Writes a scope as a query; inside another one if `inner`.
    pub(super) fn select(&mut self, scope: ScopeId, inner: bool) -> Written {
        let compiler = self.compiler;
        let state = compiler.scope(scope);
        let Some(prepared) = &state.prepared else {
            return Err(Error::new(ErrorKind::Configuration, "a subquery was written before it was resolved").into());
        };
        if let Some(combined) = &state.combined {
            compiler.check_parts(&combined.parts)?;
            for part in combined.parts.iter().filter(|_| !combined.all) {
                compiler.scope(*part).prepared.as_ref().map_or(Ok(()), |part| compiler.check_distinct(part))?;
            }
            self.combined(combined.combinator, combined.all, &combined.parts, inner)?;
            let first = combined.parts.first().and_then(|part| compiler.scope(*part).prepared.as_ref());
            self.order_clause(prepared, first)?;
            self.limit(state.low, state.high);
            return Ok(());
        }
        if state.distinct {
            compiler.check_distinct(prepared)?;
        }
        let start = self.mark();
        self.push("SELECT ");
        if state.distinct {
            self.push("DISTINCT ");
        }
        if let Some(model) = prepared.whole {
            self.push(model.select_list());
        }
        let mut texts: Vec<std::ops::Range<usize>> = Vec::new();
        for (place, output) in prepared.columns.iter().enumerate() {
            if place > 0 || prepared.whole.is_some() {
                self.push(", ");
            }
            let from = self.sql.len();
            if !self.sealed_column(&output.expression) {
                self.output(&output.expression)?;
            }
            if state.distinct {
                texts.push(from..self.sql.len());
            }
            if output.named {
                self.push(" AS ");
                self.name(&output.name);
            }
        }
        // Rows that differ only in what they are ordered by count as different, as in Django.
        let mut extra = false;
        if state.distinct {
            for term in &prepared.order {
                let By::Expression(ex) = &term.by else { continue };
                let mark = self.mark();
                self.push(", ");
                let from = self.sql.len();
                self.expression(ex)?;
                let written = self.sql.get(from..).unwrap_or_default();
                if texts.iter().any(|range| self.sql.get(range.clone()) == Some(written)) {
                    self.back_to(mark);
                } else {
                    texts.push(from..self.sql.len());
                    extra = true;
                }
            }
        }
        self.write_sources(scope)?;
        if let Some(rows) = &prepared.rows {
            let mark = self.mark();
            self.push(" WHERE ");
            match self.condition(rows) {
                Ok(()) => {}
                Err(Stop::Full) => self.back_to(mark),
                Err(Stop::Empty) if !state.elide_empty => {
                    self.back_to(mark);
                    self.push(" WHERE 0 = 1");
                }
                Err(other) => return Err(other),
            }
        }
        let grouped = match &prepared.group_by {
            Some(terms) => self.group_clause(&prepared.columns, terms)?,
            None => false,
        };
        if let Some(groups) = &prepared.groups {
            let mark = self.mark();
            self.push(" HAVING ");
            match self.condition(groups) {
                Ok(()) => {}
                Err(Stop::Full) => self.back_to(mark),
                Err(other) => return Err(other),
            }
        }
        if !(grouped && prepared.model_order) {
            self.order_clause(prepared, None)?;
        }
        self.limit(state.low, state.high);
        if let Some(lock) = &state.lock
            && self.is_postgres()
        {
            self.push(if lock.no_key { " FOR NO KEY UPDATE" } else { " FOR UPDATE" });
            if lock.of_self {
                self.push(" OF ");
                self.alias(scope, 0);
            }
            if lock.no_wait {
                self.push(" NOWAIT");
            }
            if lock.skip_locked {
                self.push(" SKIP LOCKED");
            }
        }
        if inner && extra {
            self.without_extra(scope, prepared, start)?;
        }
        Ok(())
    }

    /// Puts a query with more columns than asked for inside one that has just those.
    fn without_extra(&mut self, scope: ScopeId, prepared: &Prepared<'a>, start: super::write::Mark) -> Written {
        let mut columns = String::new();
        for (place, output) in prepared.columns.iter().enumerate() {
            if place > 0 {
                columns.push_str(", ");
            }
            let name = match &output.expression {
                _ if output.named => output.name.to_string(),
                Ex::Column(column) => column.column.name.clone(),
                _ => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        format!(
                            "a distinct subquery on {} ordered by other columns must name its expressions",
                            self.compiler.scope(scope).model.label
                        ),
                    )
                    .into());
                }
            };
            columns.push_str("subquery.\"");
            columns.push_str(&name.replace('"', "\"\""));
            columns.push('"');
        }
        let query = self.since(start).to_owned();
        self.rewrite(start, &format!("SELECT {columns} FROM ({query}) subquery"));
        Ok(())
    }

    /// A column of the select list.
    fn output(&mut self, ex: &Ex<'a>) -> Written {
        let mark = self.mark();
        match self.expression(ex) {
            Ok(()) => {}
            Err(Stop::Empty) => {
                self.back_to(mark);
                let empty = self.empty_value(ex);
                if let Err(Stop::Empty) = empty {
                    self.back_to(mark);
                    self.truth(false);
                    return Ok(());
                }
                return empty;
            }
            Err(Stop::Full) => {
                self.back_to(mark);
                self.truth(true);
                return Ok(());
            }
            Err(failed) => return Err(failed),
        }
        Ok(())
    }

    fn write_sources(&mut self, scope: ScopeId) -> Written {
        let state = self.compiler.scope(scope);
        if let Some(derived) = state.derived {
            self.push(" FROM (");
            self.select(derived, true)?;
            self.push(") subquery");
            return Ok(());
        }
        let mut first = true;
        for (index, alias) in state.aliases.iter().enumerate().filter(|(_, alias)| alias.uses > 0) {
            let index = index as u32;
            let renamed = state.parent.is_some() || alias.number > 0;
            match &alias.join {
                Some(join) if !first => {
                    self.push(if join.outer { " LEFT OUTER JOIN " } else { " INNER JOIN " });
                    self.push(&alias.entry.quoted);
                    if renamed {
                        self.push(" ");
                        self.alias(scope, index);
                    }
                    self.push(" ON (");
                    self.column_of(scope, join.parent.0, join.hop.from_column);
                    self.push(" = ");
                    self.column_of(scope, index, join.hop.to_column);
                    self.push(")");
                }
                _ => {
                    self.push(if first { " FROM " } else { ", " });
                    self.push(&alias.entry.quoted);
                    if renamed {
                        self.push(" ");
                        self.alias(scope, index);
                    }
                }
            }
            first = false;
        }
        Ok(())
    }

    fn group_clause(&mut self, columns: &[Output<'a>], terms: &[Ex<'a>]) -> Result<bool, Stop> {
        let mut texts: Vec<std::ops::Range<usize>> = Vec::new();
        for term in terms {
            let mark = self.mark();
            self.push(if texts.is_empty() { " GROUP BY " } else { ", " });
            let from = self.sql.len();
            match columns.iter().position(|column| column.named && column.expression == *term) {
                Some(place) => super::write::push_number(&mut self.sql, place + 1),
                None => match self.group_term(term, terms) {
                    Ok(()) => {}
                    Err(Stop::Empty | Stop::Full) => {
                        self.back_to(mark);
                        continue;
                    }
                    Err(failed) => return Err(failed),
                },
            }
            let written = self.sql.get(from..).unwrap_or_default();
            if texts.iter().any(|range| self.sql.get(range.clone()) == Some(written)) {
                self.back_to(mark);
            } else {
                texts.push(from..self.sql.len());
            }
        }
        Ok(!texts.is_empty())
    }

    /// Writes the order; of a union, whose columns are those of its first part.
    fn order_clause(&mut self, prepared: &Prepared<'a>, first: Option<&Prepared<'a>>) -> Written {
        let mut texts: Vec<std::ops::Range<usize>> = Vec::new();
        for term in &prepared.order {
            if let By::Place(place) = &term.by
                && let Some(sealed) = sealed_at(first.unwrap_or(prepared), *place)
            {
                return Err(refused(sealed).into());
            }
            let mark = self.mark();
            self.push(if texts.is_empty() { " ORDER BY " } else { ", " });
            let from = self.sql.len();
            match &term.by {
                // A plain column is as short as its place and says more.
                By::Place(place) => match prepared.output(*place) {
                    Some(Output { expression: Ex::Column(column), named: false, .. }) if first.is_none() => {
                        self.column(column);
                    }
                    _ => super::write::push_number(&mut self.sql, place + 1),
                },
                By::Expression(ex) => match self.expression(ex) {
                    Ok(()) => {}
                    Err(Stop::Full) => {
                        self.back_to(mark);
                        continue;
                    }
                    Err(failed) => return Err(failed),
                },
            }
            let written = self.sql.get(from..).unwrap_or_default();
            if texts.iter().any(|range| self.sql.get(range.clone()) == Some(written)) {
                self.back_to(mark);
                continue;
            }
            texts.push(from..self.sql.len());
            self.push(if term.descending { " DESC" } else { " ASC" });
            match term.nulls_first {
                Some(true) => self.push(" NULLS FIRST"),
                Some(false) => self.push(" NULLS LAST"),
                None => {}
            }
        }
        Ok(())
    }

    fn limit(&mut self, low: u64, high: Option<u64>) {
        if let Some(high) = high {
            self.push(" LIMIT ");
            super::write::push_number(&mut self.sql, usize::try_from(high - low).unwrap_or(usize::MAX));
        } else if low > 0 && !self.is_postgres() {
            self.push(" LIMIT -1");
        }
        if low > 0 {
            self.push(" OFFSET ");
            super::write::push_number(&mut self.sql, usize::try_from(low).unwrap_or(usize::MAX));
        }
    }

    fn combined(&mut self, combinator: Combinator, all: bool, parts: &[ScopeId], inner: bool) -> Written {
        let start = self.mark();
        let mut written = 0;
        for part in parts {
            let state = self.compiler.scope(*part);
            let ordered = state.prepared.as_ref().is_some_and(|prepared| !prepared.order.is_empty());
            if !self.is_postgres() && (state.is_sliced() || ordered && !matches!(state.order_by, Order::Model)) {
                return Err(Error::new(
                    ErrorKind::Database,
                    "SQLite neither orders nor slices the queries that a union is made of",
                )
                .into());
            }
            let mark = self.mark();
            if written > 0 {
                self.push(match combinator {
                    Combinator::Union if all => " UNION ALL ",
                    Combinator::Union => " UNION ",
                    Combinator::Intersection => " INTERSECT ",
                    Combinator::Difference => " EXCEPT ",
                });
            }
            let nested = state.combined.is_some();
            let brackets = self.is_postgres();
            if brackets {
                self.push("(");
            } else if nested {
                self.push("SELECT * FROM (");
            }
            match self.select(*part, inner) {
                Ok(()) => written += 1,
                Err(Stop::Empty)
                    if combinator == Combinator::Union || (combinator == Combinator::Difference && written > 0) =>
                {
                    self.back_to(mark);
                    continue;
                }
                Err(other) => return Err(other),
            }
            if brackets || nested {
                self.push(")");
            }
        }
        if written == 0 {
            self.back_to(start);
            return Err(Stop::Empty);
        }
        Ok(())
    }
}
