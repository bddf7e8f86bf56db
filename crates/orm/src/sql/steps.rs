//! Plays a query's steps back, in order, as Django's queryset methods would.

use std::borrow::Cow;

use super::joins::{Interrupted, Names};
use super::resolve::field_error;
use super::scope::{Annotation, Columns, Combined, Compiler, Env, GroupBy, Order, Related, Selected};
use super::tree::{Ex, ScopeId};
use crate::error::{Error, ErrorKind, Result};
use crate::model::OrderBy;
use crate::query::{Node, Query, Step};

impl<'a> Compiler<'a> {
    /// Builds the scope of a query.
    pub(super) fn replay(&mut self, query: &'a Query, parent: Option<ScopeId>) -> Result<ScopeId> {
        let model = self.schema.by_label(&query.model)?;
        let scope = self.open(model, parent);
        for step in &query.steps {
            self.step(scope, step, parent)?;
        }
        Ok(scope)
    }

    fn step(&mut self, scope: ScopeId, step: &'a Step, parent: Option<ScopeId>) -> Result<()> {
        let state = self.scope(scope);
        let sliced = |what: &str| {
            Err(Error::new(ErrorKind::Type, format!("cannot {what} once a slice has been taken: slice last")))
        };
        if let Some(combined) = &state.combined
            && !matches!(
                step,
                Step::OrderBy(_)
                    | Step::Slice { .. }
                    | Step::Values(_)
                    | Step::Combine { .. }
                    | Step::Reverse
                    | Step::Nothing
            )
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "after a {:?} only ordering, slicing, values and further combinations are possible",
                    combined.combinator
                ),
            ));
        }
        match step {
            Step::Filter(_) | Step::Exclude(_) if state.is_sliced() => sliced("filter"),
            Step::Filter(node) => self.filter(scope, node, false),
            Step::Exclude(node) => self.filter(scope, node, true),
            Step::Annotate(annotations) => self.annotate(scope, annotations),
            Step::Values(nodes) => self.values(scope, nodes),
            Step::OrderBy(_) if state.is_sliced() => sliced("reorder"),
            Step::OrderBy(steps) => self.order_by(scope, steps),
            Step::Reverse if state.is_sliced() => sliced("reverse"),
            Step::Reverse => {
                let state = self.scope_mut(scope);
                state.reversed = !state.reversed;
                Ok(())
            }
            Step::Distinct if state.is_sliced() => sliced("make rows distinct"),
            Step::Distinct => {
                self.scope_mut(scope).distinct = true;
                Ok(())
            }
            Step::Slice { offset, limit } => {
                self.slice(scope, *offset, *limit);
                Ok(())
            }
            Step::SelectRelated(paths) => self.select_related(scope, paths),
            Step::Lock(lock) => {
                self.scope_mut(scope).lock = Some(*lock);
                Ok(())
            }
            Step::Combine { combinator, others, all } => {
                if *all && *combinator != crate::query::Combinator::Union {
                    return Err(Error::new(ErrorKind::Unsupported, "only a union can keep rows alike"));
                }
                let model = self.scope(scope).model;
                let first = self.open(model, parent);
                self.scopes.swap(scope.0, first.0);
                self.readdress(scope, first);
                let mut parts = vec![first];
                for other in others {
                    parts.push(self.replay(other, parent)?);
                }
                for part in &parts {
                    let part = self.scope_mut(*part);
                    // The model's own order means nothing inside, and SQLite has none there.
                    if matches!(part.order_by, Order::Model) && !part.is_sliced() {
                        part.clear_order();
                    }
                }
                // The names of the first query's columns serve `order_by`.
                let names = self.scope(first).value_names.clone();
                let state = self.scope_mut(scope);
                state.value_names = names;
                state.combined = Some(Combined { combinator: *combinator, all: *all, parts });
                Ok(())
            }
            Step::Nothing => {
                self.scope_mut(scope).filter.add(Ex::Nothing, false);
                Ok(())
            }
        }
    }

    /// After two scopes changed places: the columns of the one that moved refer to its new place.
    fn readdress(&mut self, from: ScopeId, to: ScopeId) {
        fn change(ex: &mut Ex<'_>, from: ScopeId, to: ScopeId) {
            if let Ex::Column(column) = ex
                && column.scope == from
            {
                column.scope = to;
            }
            ex.children_mut(&mut |child| change(child, from, to));
        }
        for scope in &mut self.scopes {
            if scope.parent == Some(from) {
                scope.parent = Some(to);
            }
            for child in &mut scope.filter.children {
                change(child, from, to);
            }
            for annotation in &mut scope.annotations {
                change(&mut annotation.expression, from, to);
            }
            if let Columns::Listed(columns) = &mut scope.columns {
                for (_, column) in columns {
                    change(column, from, to);
                }
            }
            if let GroupBy::By(terms) = &mut scope.group_by {
                for term in terms {
                    change(term, from, to);
                }
            }
        }
    }

    fn annotate(&mut self, scope: ScopeId, annotations: &'a [(Cow<'static, str>, Node)]) -> Result<()> {
        let mut grouped = false;
        for (name, node) in annotations {
            let taken = match &self.scope(scope).value_names {
                Some(names) => names.iter().any(|taken| taken == name),
                None => self.scope(scope).model.named(name).is_some() && name != "pk",
            };
            if taken {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!(
                        "annotation `{name}` has the name of a field of {}: choose another",
                        self.scope(scope).model.label
                    ),
                ));
            }
            check_name(name)?;
            let expression = self.resolve(scope, node, &mut Env::expression())?;
            grouped = grouped || expression.has_aggregate();
            self.add_annotation(scope, name.to_string(), expression);
        }
        if grouped {
            self.group(scope)?;
        }
        Ok(())
    }

    pub(super) fn add_annotation(&mut self, scope: ScopeId, name: String, expression: Ex<'a>) {
        let state = self.scope_mut(scope);
        if let Some(selected) = &mut state.selected {
            let column = Selected::Annotation(name.clone());
            if !selected.contains(&column) {
                selected.push(column);
            }
        }
        let annotation = Annotation { name, expression, selected: true };
        match state.annotations.iter_mut().find(|known| known.name == annotation.name) {
            Some(known) => *known = annotation,
            None => state.annotations.push(annotation),
        }
    }

    /// What an annotation with an aggregate does to the rows: groups by the chosen columns, or by each row.
    pub(super) fn group(&mut self, scope: ScopeId) -> Result<()> {
        if self.scope(scope).value_names.is_none() {
            self.scope_mut(scope).group_by = GroupBy::Selected;
            return Ok(());
        }
        self.group_by_selected(scope, true)
    }

    /// Fixes the grouping to what is selected now (Django's `set_group_by`).
    pub(super) fn group_by_selected(&mut self, scope: ScopeId, by_name: bool) -> Result<()> {
        let state = self.scope_mut(scope);
        if by_name
            && let Columns::Listed(columns) = &mut state.columns
            && columns.iter().any(|(_, column)| !matches!(column, Ex::Column(_)))
        {
            // A chosen expression is grouped by under its name, as an annotation.
            let (kept, moved): (Vec<_>, Vec<_>) =
                std::mem::take(columns).into_iter().enumerate().partition(|(_, (_, ex))| matches!(ex, Ex::Column(_)));
            let places: Vec<usize> = kept.iter().map(|(place, _)| *place).collect();
            *columns = kept.into_iter().map(|(_, column)| column).collect();
            if let Some(selected) = &mut state.selected {
                for column in selected.iter_mut() {
                    if let Selected::Column(place) = column {
                        match places.iter().position(|kept| kept == place) {
                            Some(new) => *column = Selected::Column(new),
                            None => {
                                if let Some((_, (name, _))) = moved.iter().find(|(old, _)| old == place) {
                                    *column = Selected::Annotation(name.clone());
                                }
                            }
                        }
                    }
                }
            }
            let moved =
                moved.into_iter().map(|(_, (name, expression))| Annotation { name, expression, selected: true });
            state.annotations.splice(0..0, moved);
        }
        let mut terms: Vec<Ex<'a>> = match &self.scope(scope).columns {
            Columns::Listed(columns) => columns.iter().map(|(_, column)| column.clone()).collect(),
            Columns::Model => Vec::new(),
        };
        let mut more = Vec::new();
        for annotation in self.scope(scope).annotations.iter().filter(|annotation| annotation.selected) {
            let columns = self.group_columns(scope, &annotation.expression);
            if columns.is_empty() {
                continue;
            }
            if by_name && !annotation.expression.has_aggregate() {
                more.push(Ex::Ref(annotation.name.clone(), Box::new(annotation.expression.clone())));
            } else {
                more.extend(columns);
            }
        }
        terms.extend(more);
        self.scope_mut(scope).group_by = GroupBy::By(terms);
        Ok(())
    }

    /// What must be grouped by so that an expression has one value a group (Django's `get_group_by_cols`).
    pub(super) fn group_columns(&self, scope: ScopeId, ex: &Ex<'a>) -> Vec<Ex<'a>> {
        match ex {
            Ex::Column(_) | Ex::Ref(..) => vec![ex.clone()],
            Ex::Value(..) | Ex::Star | Ex::Aggregate(_) | Ex::Nothing => Vec::new(),
            Ex::Exists(inner) | Ex::Subquery(inner) => {
                let mut columns = Vec::new();
                self.outer_columns(*inner, scope, &mut columns);
                if columns.iter().any(|column| matches!(column, Ex::Column(column) if column.multivalued)) {
                    return vec![ex.clone()];
                }
                columns
            }
            Ex::Case(whens, None) | Ex::Case(whens, Some(_)) if whens.is_empty() => Vec::new(),
            // Conditions are taken apart, everything else is grouped by as a whole unless it aggregates.
            Ex::Compare(_) | Ex::Where(_) | Ex::Row(_) => {
                let mut columns = Vec::new();
                ex.children(&mut |child| columns.extend(self.group_columns(scope, child)));
                columns
            }
            other if !other.has_aggregate() => vec![other.clone()],
            other => {
                let mut columns = Vec::new();
                other.children(&mut |child| columns.extend(self.group_columns(scope, child)));
                columns
            }
        }
    }

    /// The columns of `of` that a query inside it refers to.
    fn outer_columns(&self, inner: ScopeId, of: ScopeId, columns: &mut Vec<Ex<'a>>) {
        fn look<'a>(compiler: &Compiler<'a>, ex: &Ex<'a>, of: ScopeId, columns: &mut Vec<Ex<'a>>) {
            match ex {
                Ex::Column(column) if column.scope == of => columns.push(ex.clone()),
                Ex::Exists(inner) | Ex::Subquery(inner) => compiler.outer_columns(*inner, of, columns),
                other => other.children(&mut |child| look(compiler, child, of, columns)),
            }
        }
        let state = self.scope(inner);
        for annotation in &state.annotations {
            look(self, &annotation.expression, of, columns);
        }
        for child in &state.filter.children {
            look(self, child, of, columns);
        }
    }

    fn values(&mut self, scope: ScopeId, nodes: &'a [Node]) -> Result<()> {
        if self.scope(scope).combined.is_some() {
            return self.values_of_parts(scope, nodes);
        }
        // Expressions without a name get one. Those that aggregate come after the others have set the groups.
        let mut names: Vec<String> = Vec::with_capacity(nodes.len());
        let mut aggregates: Vec<(String, Ex<'a>)> = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            if let Node::Path(path) = node {
                let name = match path.as_slice() {
                    [only] => only.to_string(),
                    path => path.join("__"),
                };
                names.push(name);
                continue;
            }
            let expression = self.resolve(scope, node, &mut Env::expression())?;
            let name = format!("value{place}");
            names.push(name.clone());
            if expression.has_aggregate() {
                aggregates.push((name, expression));
            } else {
                self.add_annotation(scope, name, expression);
            }
        }
        let state = self.scope_mut(scope);
        state.related.clear();
        let mut selected = Vec::with_capacity(names.len());
        let mut fields: Vec<(usize, &str)> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            if aggregates.iter().any(|(aggregate, _)| aggregate == name) {
                continue;
            }
            match state.annotation(name) {
                Some(annotation) if annotation.selected => selected.push(Selected::Annotation(name.clone())),
                Some(_) => {
                    return Err(field_error(format!("`{name}` is no column of the result any more")));
                }
                None => {
                    selected.push(Selected::Column(fields.len()));
                    fields.push((place, name));
                }
            }
        }
        let keep: Vec<String> = selected
            .iter()
            .filter_map(|column| match column {
                Selected::Annotation(name) => Some(name.clone()),
                Selected::Column(_) => None,
            })
            .collect();
        state.selected = None;
        state.mask(|name| keep.iter().any(|kept| kept == name));
        // A grouping set before stays, in terms that outlive the columns.
        match &state.group_by {
            GroupBy::Selected => {
                self.list_model_columns(scope);
                self.group_by_selected(scope, false)?;
            }
            GroupBy::By(_) => {
                let mut taken = std::mem::replace(&mut self.scope_mut(scope).group_by, GroupBy::None);
                if let GroupBy::By(terms) = &mut taken {
                    for term in terms {
                        if let Ex::Ref(name, _) = term
                            && !names.iter().any(|kept| kept == name)
                        {
                            term.inline_refs();
                        }
                    }
                }
                self.scope_mut(scope).group_by = taken;
            }
            GroupBy::None => {}
        }
        let mut columns = Vec::with_capacity(fields.len());
        for (place, name) in fields {
            let Some(Node::Path(path)) = nodes.get(place) else { continue };
            columns.push((name.to_owned(), self.field(scope, Names::Query(path))?));
        }
        if nodes.is_empty() {
            self.list_model_columns(scope);
        } else {
            let state = self.scope_mut(scope);
            state.columns = Columns::Listed(columns);
            state.selected = Some(selected);
        }
        self.scope_mut(scope).value_names = Some(names.clone());
        if aggregates.is_empty() {
            return Ok(());
        }
        for (name, expression) in aggregates {
            self.add_annotation(scope, name, expression);
        }
        self.group_by_selected(scope, true)?;
        // The order asked for, in which aggregates may stand anywhere.
        let state = self.scope_mut(scope);
        if let Some(selected) = &mut state.selected {
            let mut rest = std::mem::take(selected).into_iter().filter(|column| match column {
                Selected::Column(_) => true,
                Selected::Annotation(name) => !names.contains(name),
            });
            for name in &names {
                let annotated = state.annotations.iter().any(|annotation| annotation.name == *name);
                if annotated {
                    selected.push(Selected::Annotation(name.clone()));
                } else {
                    selected.extend(rest.next());
                }
            }
        }
        Ok(())
    }

    /// Chosen columns of a union are chosen in each of its parts.
    fn values_of_parts(&mut self, scope: ScopeId, nodes: &'a [Node]) -> Result<()> {
        let parts = match &self.scope(scope).combined {
            Some(combined) => combined.parts.clone(),
            None => return Ok(()),
        };
        for part in parts {
            if !self.scope(part).has_chosen() {
                self.values(part, nodes)?;
            }
        }
        let names = nodes
            .iter()
            .filter_map(|node| match node {
                Node::Path(path) => Some(path.join("__")),
                _ => None,
            })
            .collect();
        self.scope_mut(scope).value_names = Some(names);
        Ok(())
    }

    /// A column chosen by path; to-many relations are allowed (Django's `add_fields`).
    fn field(&mut self, scope: ScopeId, names: Names<'_, 'a>) -> Result<Ex<'a>> {
        let model = self.scope(scope).model;
        let walk = match self.walk(model, names, true) {
            Ok(walk) => walk,
            Err(Interrupted::Failed(error)) => {
                // An annotation may still be taken apart by transforms.
                if self.annotation(scope, names, &Env::expression())?.is_some() {
                    return self.reference(scope, names, &mut Env::expression());
                }
                return Err(self.with_annotations(scope, error, names));
            }
            Err(Interrupted::Many { .. }) => return Err(field_error("a relation to many rows is not allowed here")),
        };
        let reached = self.reach(scope, &walk, None);
        let mut resolved = Ex::Column(self.column(scope, reached.alias, reached.entry, reached.column, false));
        for (position, name) in names.iter().enumerate().skip(walk.used) {
            resolved = match self.transform(resolved, name) {
                Ok(resolved) => resolved,
                Err(_) if walk.related && position == walk.used => return Err(walk.entry.unknown(name)),
                Err(error) => return Err(error),
            };
        }
        Ok(resolved)
    }

    /// Lists the model's columns one by one, where they were meant as a whole.
    pub(super) fn list_model_columns(&mut self, scope: ScopeId) {
        if matches!(self.scope(scope).columns, Columns::Model) {
            let model = self.scope(scope).model;
            let alias = self.base(scope);
            let columns = model
                .columns
                .iter()
                .map(|column| (column.attname.clone(), Ex::Column(self.column(scope, alias, model, column, false))))
                .collect();
            self.scope_mut(scope).columns = Columns::Listed(columns);
        }
    }

    fn order_by(&mut self, scope: ScopeId, steps: &'a [OrderBy]) -> Result<()> {
        for step in steps {
            match &step.expression {
                Node::Path(path) => self.check_order(scope, Names::Query(path))?,
                other if aggregates(other) && matches!(self.scope(scope).group_by, GroupBy::None) => {
                    self.group(scope)?;
                }
                _ => {}
            }
        }
        let state = self.scope_mut(scope);
        state.order_by = if steps.is_empty() { Order::Unordered } else { Order::By(steps) };
        Ok(())
    }

    /// Refuses a name to order by that stands for nothing, when the order is given rather than when it is used.
    fn check_order(&self, scope: ScopeId, names: Names<'_, 'a>) -> Result<()> {
        if self.scope(scope).combined.is_some() || self.annotation(scope, names, &Env::expression())?.is_some() {
            return Ok(());
        }
        match self.walk(self.scope(scope).model, names, true) {
            Ok(_) => Ok(()),
            Err(Interrupted::Failed(error)) => Err(self.with_annotations(scope, error, names)),
            Err(Interrupted::Many { .. }) => Ok(()),
        }
    }

    /// Narrows the rows to some within those left (Django's `set_limits`).
    pub(super) fn slice(&mut self, scope: ScopeId, offset: u64, limit: Option<u64>) {
        let state = self.scope_mut(scope);
        let end = |low: u64| limit.map(|limit| low.saturating_add(offset).saturating_add(limit));
        state.high = match (end(state.low), state.high) {
            (Some(new), Some(old)) => Some(new.min(old)),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        };
        state.low = state.low.saturating_add(offset);
        if let Some(high) = state.high {
            state.low = state.low.min(high);
            if state.low == high {
                state.filter.add(Ex::Nothing, false);
                if let Some(parts) = state.combined.as_ref().map(|combined| combined.parts.clone()) {
                    for part in parts {
                        self.scope_mut(part).filter.add(Ex::Nothing, false);
                    }
                }
            }
        }
    }

    fn select_related(&mut self, scope: ScopeId, paths: &'a [Vec<Cow<'static, str>>]) -> Result<()> {
        if self.scope(scope).value_names.is_some() {
            return Err(Error::new(ErrorKind::Type, "`select_related` needs whole rows, not `values`"));
        }
        for path in paths {
            let mut level = &mut self.scope_mut(scope).related;
            for name in path {
                let place = match level.iter().position(|related| related.name == name) {
                    Some(place) => place,
                    None => {
                        level.push(Related { name, nested: Vec::new() });
                        level.len() - 1
                    }
                };
                let Some(next) = level.get_mut(place) else { break };
                level = &mut next.nested;
            }
        }
        Ok(())
    }
}

/// Whether an expression holds an aggregate of its own.
fn aggregates(node: &Node) -> bool {
    match node {
        Node::Aggregate(_) => true,
        Node::Binary(_, left, right) | Node::Lookup { left, right, .. } => aggregates(left) || aggregates(right),
        Node::Call(_, nodes) | Node::And(nodes) | Node::Or(nodes) | Node::List(nodes) => nodes.iter().any(aggregates),
        Node::Not(inner) | Node::Cast(inner, _) => aggregates(inner),
        Node::Case { whens, default } => {
            whens.iter().any(|(condition, result)| aggregates(condition) || aggregates(result))
                || default.as_deref().is_some_and(aggregates)
        }
        Node::Path(_) | Node::Outer(_) | Node::Value(..) | Node::Exists(_) | Node::Subquery(_) => false,
    }
}

/// Names of columns are quoted, but a quotation mark would end the quotation.
fn check_name(name: &str) -> Result<()> {
    let forbidden =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | ';' | '#' | '[' | ']');
    if name.chars().any(forbidden) || name.contains("--") || name.contains("/*") || name.contains("*/") {
        return Err(Error::new(
            ErrorKind::Value,
            "a name for a column may hold no blanks, quotation marks, semicolons, hashes or comment marks",
        ));
    }
    Ok(())
}
