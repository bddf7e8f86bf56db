//! What has only another name: recognised by likeness, and asked about.

use super::Detector;
use super::need::{Done, Need, Planned};
use super::questioner::{RenamedField, RenamedModel};
use crate::engine::Dialect;
use crate::error::{Result, nearest};
use crate::field::Kind;
use crate::migrate::names;
use crate::migrate::operation::Operation;
use crate::migrate::state::State;
use crate::model::{Field, ModelDef};

/// How much two models or fields are alike, in percent.
type Likeness = u32;

/// From here on it is asked whether the one is the other.
const ALIKE: Likeness = 60;

impl Detector<'_> {
    /// Asks which of the models that are gone are there under another name, and plans that.
    pub(super) fn rename_models(&mut self) -> Result<()> {
        let (gone, new) = (tables(&self.before, &self.after), tables(&self.after, &self.before));
        let mut pairs: Vec<(Likeness, ModelDef, ModelDef)> = Vec::new();
        for was in &gone {
            for now in new.iter().filter(|now| now.app == was.app && now.managed == was.managed) {
                pairs.push((self.models_alike(was, now), (*was).clone(), (*now).clone()));
            }
        }
        pairs.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (&a.1.name, &a.2.name).cmp(&(&b.1.name, &b.2.name))));
        let mut doubts: Vec<(String, Vec<String>)> = Vec::new();
        for (likeness, was, now) in &pairs {
            if self.before.model(&was.app, &was.name).is_none() || self.before.model(&now.app, &now.name).is_some() {
                continue;
            }
            let alike = *likeness >= ALIKE;
            match self.questioner.renamed_model(&RenamedModel { from: was, to: now, alike })? {
                Some(true) => self.rename_model(was, now)?,
                None if alike => doubt(&mut doubts, was.label(), &now.name),
                _ => {}
            }
        }
        doubts.retain(|(label, _)| {
            label.split_once('.').is_some_and(|(app, name)| self.before.model(app, name).is_some())
        });
        self.note(&doubts, "model", "its table and rows");
        Ok(())
    }

    fn rename_model(&mut self, was: &ModelDef, now: &ModelDef) -> Result<()> {
        if now.table.is_some() && now.table != was.table {
            // The table keeps its name, or gets its new one at once.
            let operation = Operation::AlterTable { model: was.name.clone(), table: now.table.clone() };
            self.change(&was.app, operation, Vec::new())?;
        }
        let mut needs = vec![Need::model(was, Done::Altered)];
        // Migrations of other apps that were written before name the model as it was.
        for other in self.before.models().iter().filter(|other| other.app != was.app) {
            let refers = |field: &Field| {
                let relation = field.relation.iter();
                relation.flat_map(|it| std::iter::once(&it.to).chain(&it.through)).any(|to| *to == was.label())
            };
            if other.fields.iter().any(refers) || other.proxy_for.as_deref() == Some(&was.label()) {
                needs.push(Need::model(other, Done::Made));
            }
        }
        let operation = Operation::RenameModel { from: was.name.clone(), to: now.name.clone() };
        self.renamed.insert((now.app.to_string(), now.name.to_string()));
        self.change(&was.app, operation, needs)
    }

    /// Asks which of the fields that are gone are there under another name, and plans that.
    pub(super) fn rename_fields(&mut self) -> Result<()> {
        let mut doubts: Vec<(String, Vec<String>)> = Vec::new();
        for now in self.kept_tables() {
            let Some(was) = self.before.model(&now.app, &now.name).cloned() else { continue };
            let mut pairs: Vec<(Likeness, &Field, &Field)> = Vec::new();
            // A blind index goes with the field that it is of.
            let alone = |field: &&Field| field.blind_index_of.is_none();
            let gone = was.fields.iter().filter(|field| now.fields.iter().all(|other| other.name != field.name));
            for from in gone.filter(alone) {
                let new = now.fields.iter().filter(|field| was.fields.iter().all(|other| other.name != field.name));
                for to in new.filter(alone) {
                    pairs.push((self.fields_alike(from, to, &was, &now), from, to));
                }
            }
            pairs.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| (&a.1.name, &a.2.name).cmp(&(&b.1.name, &b.2.name))));
            let mut taken: Vec<&str> = Vec::new();
            let mut open: Vec<(String, Vec<String>)> = Vec::new();
            for (likeness, from, to) in pairs {
                if taken.contains(&from.name.as_ref()) || taken.contains(&to.name.as_ref()) {
                    continue;
                }
                let alike = likeness >= ALIKE;
                match self.questioner.renamed_field(&RenamedField { model: &now, from, to, alike })? {
                    Some(true) => {
                        taken.extend([from.name.as_ref(), to.name.as_ref()]);
                        self.rename_field(&now, from, to)?;
                        let index = |model: &ModelDef, of: &Field| {
                            let mut fields = model.fields.iter();
                            fields.find(|field| field.blind_index_of.as_ref() == Some(&of.name)).cloned()
                        };
                        if let (Some(old), Some(new)) = (index(&was, from), index(&now, to))
                            && old.name != new.name
                        {
                            self.rename_field(&now, &Field { blind_index_of: Some(to.name.clone()), ..old }, &new)?;
                        }
                    }
                    None if alike => doubt(&mut open, format!("{}.{}", now.label(), from.name), &to.name),
                    _ => {}
                }
            }
            open.retain(|(label, _)| label.rsplit_once('.').is_some_and(|(_, field)| !taken.contains(&field)));
            doubts.extend(open);
        }
        self.note(&doubts, "field", "what it holds");
        Ok(())
    }

    fn rename_field(&mut self, model: &ModelDef, from: &Field, to: &Field) -> Result<()> {
        if to.column.is_some() && to.column != from.column {
            // The column keeps its name, or gets its new one at once.
            let field = Box::new(Field { column: to.column.clone(), ..from.clone() });
            let operation = Operation::AlterField { model: model.name.clone(), field, fill: None };
            self.before.apply(&model.app, &operation)?;
            // Not after all that is renamed of this model: this comes before.
            let needs = vec![Need::model(model, Done::Made)];
            self.planned.entry(model.app.to_string()).or_default().push(Planned { operation, needs });
        }
        let mut needs = vec![Need::model(model, Done::Made), Need::field(model, &from.name, Done::Altered)];
        for other in self.before.models().iter().filter(|other| other.app != model.app) {
            let names = |field: &Field| {
                field.relation.as_ref().is_some_and(|relation| {
                    let through = relation.through.as_deref() == Some(&model.label());
                    relation.to == model.label() && relation.to_field.as_ref() == Some(&from.name)
                        || through && relation.through_fields.is_some()
                })
            };
            if other.fields.iter().any(names) {
                needs.push(Need::model(other, Done::Made));
            }
        }
        let operation =
            Operation::RenameField { model: model.name.clone(), from: from.name.clone(), to: to.name.clone() };
        self.renamed.insert((model.app.to_string(), model.name.to_string()));
        self.change(&model.app, operation, needs)
    }

    /// Notes what nobody could tell, with the answers to choose from.
    fn note(&mut self, doubts: &[(String, Vec<String>)], what: &str, lost: &str) {
        for (label, new) in doubts {
            let choices: Vec<String> = new.iter().map(|name| format!("--rename {label}={name}")).collect();
            self.problems.push(format!(
                "{what} {label} is gone, and {} looks like it: is it renamed? say {}, or --no-rename {label} to drop \
                 {lost}",
                new.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
                choices.join(", or "),
            ));
        }
    }

    fn models_alike(&self, was: &ModelDef, now: &ModelDef) -> Likeness {
        let table = |model: &ModelDef| match &model.table {
            Some(table) => table.to_string(),
            None => names::table(&model.app, &model.name, Dialect::Postgres),
        };
        if now.table.is_some() && table(now) == table(was) {
            return 100;
        }
        let automatic = |field: &&Field| !field.kind.is_auto();
        let (old, new): (Vec<&Field>, Vec<&Field>) =
            (was.fields.iter().filter(automatic).collect(), now.fields.iter().filter(automatic).collect());
        let longer = u32::try_from(old.len().max(new.len())).unwrap_or(u32::MAX);
        let of = |field: &&Field| match old.iter().find(|other| other.name == field.name) {
            Some(other) if self.same_apart_from_name(other, field, was, now) => 100,
            Some(other) if self.same_kind(other, field, was, now) => 70,
            Some(_) => 20,
            None => 0,
        };
        let sum: u32 = new.iter().map(of).sum();
        let shared = sum.checked_div(longer).unwrap_or(100);
        // Names that are near each other tip the balance.
        if is_near(&was.name.to_lowercase(), &now.name.to_lowercase()) { (shared + 30).min(100) } else { shared }
    }

    fn fields_alike(&self, from: &Field, to: &Field, was: &ModelDef, now: &ModelDef) -> Likeness {
        let near = is_near(&from.name, &to.name);
        let closeness = if near { 20 } else { 0 };
        if self.same_apart_from_name(from, to, was, now) {
            return 80 + closeness;
        }
        let keeps_column = to.column.as_deref() == Some(from.column_name().as_ref()) && to.has_column();
        if keeps_column {
            return 100;
        }
        if self.same_kind(from, to, was, now) {
            // Few differences beside the name: a field that was altered too.
            let changes = [
                from.kind != to.kind,
                from.null != to.null,
                from.unique != to.unique,
                from.index != to.index,
                from.default != to.default,
                from.db_default != to.db_default,
                from.generated != to.generated,
                from.auto_now != to.auto_now || from.auto_now_add != to.auto_now_add,
                from.relation.as_ref().map(|it| &it.through) != to.relation.as_ref().map(|it| &it.through),
            ];
            let different = changes.into_iter().filter(|changed| *changed).count();
            return if different <= 1 || near { 60 + closeness / 2 } else { 30 };
        }
        if near && family(&from.kind) == family(&to.kind) && from.has_column() == to.has_column() { 60 } else { 0 }
    }

    /// Whether the one field could be the other under another name, nothing else altered.
    fn same_apart_from_name(&self, from: &Field, to: &Field, was: &ModelDef, now: &ModelDef) -> bool {
        let relation = match (&from.relation, &to.relation) {
            (Some(a), Some(_)) if self.same_target(from, to, was, now) => Some(a.clone()),
            (None, None) => None,
            _ => return false,
        };
        let same_column = from.column == to.column || to.column.as_deref() == Some(from.column_name().as_ref());
        let same_options = match (&from.relation, &to.relation) {
            (Some(a), Some(b)) => a.to_field == b.to_field && a.through.is_some() == b.through.is_some(),
            _ => true,
        };
        let like = Field {
            name: from.name.clone(),
            column: from.column.clone(),
            // That it stays is seen to when fields are compared.
            sealed_for: from.sealed_for.clone(),
            // Ways back are named after the field, as a rule.
            relation,
            ..to.clone()
        };
        same_column && same_options && like == *from
    }

    fn same_kind(&self, from: &Field, to: &Field, was: &ModelDef, now: &ModelDef) -> bool {
        let keys = [Kind::ForeignKey, Kind::OneToOne];
        match (&from.relation, &to.relation) {
            (Some(_), Some(_)) => {
                (from.kind == to.kind || keys.contains(&from.kind) && keys.contains(&to.kind))
                    && self.same_target(from, to, was, now)
            }
            (None, None) => std::mem::discriminant(&from.kind) == std::mem::discriminant(&to.kind),
            _ => false,
        }
    }

    /// Whether two relations lead to the same model, or to one that may have been renamed.
    fn same_target(&self, from: &Field, to: &Field, was: &ModelDef, now: &ModelDef) -> bool {
        let (Some(a), Some(b)) = (&from.relation, &to.relation) else { return false };
        let full = |label: &str, own: &ModelDef| if label == "self" { own.label() } else { label.to_owned() };
        let (a, b) = (full(&a.to, was), full(&b.to, now));
        let is_there = |state: &State, label: &str| {
            label.split_once('.').is_some_and(|(app, name)| state.model(app, name).is_some())
        };
        let renamed = || !is_there(&self.after, &a) && !is_there(&self.before, &b);
        a == b || a == was.label() && b == now.label() || renamed()
    }
}

/// The models with tables of their own that the other state does not have.
fn tables<'a>(state: &'a State, other: &State) -> Vec<&'a ModelDef> {
    let alone = |model: &&ModelDef| model.proxy_for.is_none() && other.model(&model.app, &model.name).is_none();
    state.models().iter().filter(alone).collect()
}

fn doubt(doubts: &mut Vec<(String, Vec<String>)>, label: String, new: &str) {
    match doubts.iter_mut().find(|(known, _)| *known == label) {
        Some((_, names)) => names.push(new.to_owned()),
        None => doubts.push((label, vec![new.to_owned()])),
    }
}

/// Whether one name may be a slip, or a longer or shorter form, of the other.
fn is_near(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    short.len() >= 3 && (long.contains(short) || short.len() > 3 && nearest(a, [b]).is_some())
}

/// Kinds of which one often becomes another.
fn family(kind: &Kind) -> &'static str {
    match kind {
        Kind::ForeignKey | Kind::OneToOne => "key",
        Kind::ManyToMany => "many",
        Kind::Float | Kind::Decimal { .. } => "number",
        Kind::Date | Kind::DateTime | Kind::Time => "time",
        kind if kind.integer_range().is_some() => "number",
        kind if kind.is_text() => "text",
        other => other.class_name(),
    }
}
