//! Figures over all rows of a query (Django's `get_aggregation`): over the query itself where that gives one group,
//! otherwise over its rows as a derived table.

use std::borrow::Cow;

use super::resolve::field_error;
use super::scope::{Annotation, Columns, Compiler, Env, GroupBy};
use super::tree::{Ex, ScopeId};
use crate::error::{Error, ErrorKind, Result};
use crate::query::{AggregateFunction, Function, Node};
use crate::value::Value;

impl<'a> Compiler<'a> {
    /// Turns a scope into one that answers with one row of figures. Gives its place, and what the figures are where
    /// there are no rows at all.
    pub(super) fn aggregate(
        &mut self,
        scope: ScopeId,
        figures: &'a [(Cow<'static, str>, Node)],
    ) -> Result<(ScopeId, Vec<Value>)> {
        let mut resolved: Vec<(String, Ex<'a>)> = Vec::with_capacity(figures.len());
        let mut refers_to_subquery = false;
        let before = self.scope(scope).annotations.len();
        for (name, node) in figures {
            let mut env = Env { reuse: None, joins: true, summarize: true, filtering: false };
            let mut figure = self.resolve(scope, node, &mut env)?;
            if !figure.has_aggregate() {
                return Err(Error::new(
                    ErrorKind::Type,
                    format!("`{name}` is no aggregate: use count, sum, avg, min or max"),
                ));
            }
            let mut refs = Vec::new();
            figure.refs(&mut refs);
            let earlier = |name: &String| resolved.iter().any(|(known, _)| known == name);
            let mut nested = false;
            within_figures(&figure, &mut |ex| {
                let mut inside = Vec::new();
                ex.refs(&mut inside);
                nested = nested || inside.iter().any(earlier);
            });
            if nested {
                return Err(field_error(format!("`{name}` aggregates a figure that is an aggregate itself")));
            }
            for name in refs.iter().filter(|name| !earlier(name)) {
                let annotation = self.scope(scope).annotation(name);
                refers_to_subquery |= annotation.is_some_and(|annotation| annotation.expression.has_subquery());
            }
            inline_named(&mut figure, &|name| resolved.iter().any(|(known, _)| known == name));
            self.scope_mut(scope).annotations.push(Annotation {
                name: name.to_string(),
                expression: figure.clone(),
                selected: true,
            });
            resolved.push((name.to_string(), figure));
        }
        self.scope_mut(scope).annotations.truncate(before);
        self.over(scope, resolved, refers_to_subquery)
    }

    /// The number of rows.
    pub(super) fn count(&mut self, scope: ScopeId) -> Result<(ScopeId, Vec<Value>)> {
        let count = super::tree::Figure {
            function: AggregateFunction::Count,
            argument: Ex::Star,
            distinct: false,
            filter: None,
        };
        self.over(scope, vec![("__count".to_owned(), Ex::Aggregate(Box::new(count)))], false)
    }

    fn over(
        &mut self,
        scope: ScopeId,
        mut figures: Vec<(String, Ex<'a>)>,
        refers_to_subquery: bool,
    ) -> Result<(ScopeId, Vec<Value>)> {
        let defaults: Vec<Option<Value>> = figures.iter().map(|(_, figure)| self.empty_default(figure)).collect();
        let elide = defaults.iter().all(Option::is_some);
        let defaults = defaults.into_iter().map(|value| value.unwrap_or(Value::Null)).collect();
        let state = self.scope(scope);
        let aggregates = state.annotations.iter().any(|annotation| annotation.expression.has_aggregate())
            || state.filter.children.iter().any(Ex::has_aggregate);
        let derived = matches!(state.group_by, GroupBy::By(_))
            || state.is_sliced()
            || aggregates
            || refers_to_subquery
            || state.distinct
            || state.combined.is_some();
        let state = self.scope_mut(scope);
        state.lock = None;
        state.related.clear();
        state.elide_empty = elide;
        if !derived {
            state.columns = Columns::Listed(Vec::new());
            state.selected = None;
            state.clear_order();
            for (_, figure) in &mut figures {
                figure.inline_refs();
            }
            state.annotations = annotations(figures);
            return Ok((scope, defaults));
        }
        if !state.is_sliced() {
            state.clear_order();
        }
        state.name_columns = true;
        if !self.scope(scope).distinct {
            self.narrow(scope, &figures, aggregates)?;
        }
        // The columns that figures look at become columns of the derived table.
        let mut taken: Vec<(Ex<'a>, String)> = Vec::new();
        for (_, figure) in &mut figures {
            replace_columns(figure, scope, &mut taken);
        }
        for (column, name) in taken {
            self.add_annotation(scope, name, column);
        }
        let state = self.scope(scope);
        let nothing = matches!(&state.columns, Columns::Listed(columns) if columns.is_empty())
            && !state.annotations.iter().any(|annotation| annotation.selected);
        if nothing {
            let key = self.any_key(scope);
            let state = self.scope_mut(scope);
            state.selected = None;
            state.columns = Columns::Listed(key.into_iter().map(|key| ("pk".to_owned(), key)).collect());
        }
        let model = self.scope(scope).model;
        let outer = self.open(model, None);
        let state = self.scope_mut(outer);
        state.derived = Some(scope);
        state.elide_empty = elide;
        state.columns = Columns::Listed(Vec::new());
        state.clear_order();
        state.annotations = annotations(figures);
        Ok((outer, defaults))
    }

    /// Leaves out of a derived table what nothing outside of it looks at.
    fn narrow(&mut self, scope: ScopeId, figures: &[(String, Ex<'a>)], aggregates: bool) -> Result<()> {
        if matches!(self.scope(scope).columns, Columns::Model) && self.scope(scope).combined.is_none() {
            if aggregates {
                let key = self.any_key(scope);
                self.scope_mut(scope).group_by = GroupBy::By(key.into_iter().collect());
            }
            self.scope_mut(scope).columns = Columns::Listed(Vec::new());
        }
        if self.scope(scope).combined.is_some() {
            return Ok(());
        }
        let mut keep = Vec::new();
        if let GroupBy::By(terms) = &self.scope(scope).group_by {
            for term in terms {
                term.refs(&mut keep);
            }
        }
        for (_, figure) in figures {
            figure.refs(&mut keep);
        }
        for annotation in self.scope(scope).annotations.iter().filter(|annotation| annotation.selected) {
            if !self.group_columns(scope, &annotation.expression).is_empty() {
                keep.push(annotation.name.clone());
            }
        }
        self.scope_mut(scope).mask(|name| keep.iter().any(|kept| kept == name));
        Ok(())
    }

    /// The primary key, or its first column.
    fn any_key(&mut self, scope: ScopeId) -> Option<Ex<'a>> {
        let base = self.base(scope);
        let model = self.scope(scope).model;
        let column = model.primary_key.first().and_then(|first| model.columns.get(*first))?;
        Some(Ex::Column(self.column(scope, base, model, column, false)))
    }

    /// What a figure is over no rows; `None` if only the database can tell.
    fn empty_default(&self, ex: &Ex<'a>) -> Option<Value> {
        match ex {
            Ex::Aggregate(figure) if figure.function == AggregateFunction::Count => Some(Value::Int(0)),
            Ex::Aggregate(_) | Ex::Subquery(_) => Some(Value::Null),
            Ex::Exists(_) => Some(Value::Bool(false)),
            Ex::Value(id, _) => Some(self.value(*id).clone()),
            Ex::Call(Function::Coalesce, arguments) => {
                for argument in arguments {
                    let value = self.empty_default(argument)?;
                    if !value.is_null() {
                        return Some(value);
                    }
                }
                Some(Value::Null)
            }
            _ => None,
        }
    }
}

fn annotations(figures: Vec<(String, Ex<'_>)>) -> Vec<Annotation<'_>> {
    figures.into_iter().map(|(name, expression)| Annotation { name, expression, selected: true }).collect()
}

/// Calls `see` with what is aggregated inside an expression.
fn within_figures<'e, 'a>(ex: &'e Ex<'a>, see: &mut dyn FnMut(&'e Ex<'a>)) {
    match ex {
        Ex::Aggregate(figure) => see(&figure.argument),
        other => other.children(&mut |child| within_figures(child, see)),
    }
}

fn inline_named(ex: &mut Ex<'_>, named: &dyn Fn(&str) -> bool) {
    match ex {
        Ex::Ref(name, source) if named(name) => *ex = (**source).clone(),
        Ex::Ref(..) => {}
        other => other.children_mut(&mut |child| inline_named(child, named)),
    }
}

fn replace_columns<'a>(ex: &mut Ex<'a>, scope: ScopeId, taken: &mut Vec<(Ex<'a>, String)>) {
    match ex {
        Ex::Ref(..) => {}
        Ex::Column(column) if column.scope == scope => {
            let name = match taken.iter().find(|(known, _)| known == ex) {
                Some((_, name)) => name.clone(),
                None => {
                    let name = format!("__col{}", taken.len() + 1);
                    taken.push((ex.clone(), name.clone()));
                    name
                }
            };
            *ex = Ex::Ref(name, Box::new(ex.clone()));
        }
        other => other.children_mut(&mut |child| replace_columns(child, scope, taken)),
    }
}
