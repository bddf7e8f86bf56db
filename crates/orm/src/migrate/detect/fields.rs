//! Fields that are gone, new or altered.

use super::mentions::{constraint_uses, index_uses, uses};
use super::need::{Done, Need};
use super::questioner::{Fill, Filling, Replaced};
use super::{Detector, needs_of};
use crate::error::Result;
use crate::field::Kind;
use crate::migrate::operation::{Constraint, Operation};
use crate::migrate::state::State;
use crate::model::{Field, FieldDefault, ModelDef};
use crate::value::Value;

/// How a field gets from one form to another.
enum Way {
    Alter,
    /// It goes, and comes anew; nothing is lost.
    Renew,
    /// It goes with what it holds, for this reason, and comes anew.
    Lose(&'static str),
}

impl Detector<'_> {
    /// Drops the fields that can only be made anew, with what mentions them: from here on they are new.
    pub(super) fn replace_fields(&mut self) -> Result<()> {
        for now in self.kept_tables() {
            let Some(was) = self.before.model(&now.app, &now.name).cloned() else { continue };
            for old in &was.fields {
                let Some(field) = now.fields.iter().find(|field| field.name == old.name) else { continue };
                match way(old, field) {
                    Way::Alter => {}
                    Way::Renew => self.drop_field(&now, old)?,
                    Way::Lose(why) if !was.managed => {
                        // The table is somebody else's so far: only the models change.
                        let _ = why;
                        self.drop_field(&now, old)?;
                    }
                    Way::Lose(why) => {
                        let question = Replaced { model: &now, field: Some(field), why };
                        match self.questioner.replaced(&question)? {
                            Some(true) => self.drop_field(&now, old)?,
                            Some(false) | None => self.problems.push(format!(
                                "{label}.{field}: {why}; say --replace {label}.{field} to drop it and make it anew, or \
                                 give the new field another name, and move what it holds by a migration between",
                                label = now.label(),
                                field = field.name
                            )),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Plans the end of a field, and of what is over it, which comes back with the field if it is still wanted.
    fn drop_field(&mut self, model: &ModelDef, field: &Field) -> Result<()> {
        let Some(was) = self.before.model(&model.app, &model.name).cloned() else { return Ok(()) };
        for constraint in Constraint::all_of(&was).iter().filter(|it| constraint_uses(it, &field.name)) {
            let name = constraint.name().clone();
            self.change(&model.app, Operation::RemoveConstraint { model: model.name.clone(), name }, Vec::new())?;
        }
        for index in was.indexes.iter().filter(|index| index_uses(index, &field.name)) {
            let Some(name) = index.name.clone() else { continue };
            self.change(&model.app, Operation::RemoveIndex { model: model.name.clone(), name }, Vec::new())?;
        }
        let groups: Vec<_> = was.unique_together.iter().filter(|group| !group.contains(&field.name)).cloned().collect();
        if groups.len() < was.unique_together.len() {
            let operation = Operation::AlterUniqueTogether { model: model.name.clone(), groups };
            self.change(&model.app, operation, Vec::new())?;
        }
        let removal = Operation::RemoveField { model: model.name.clone(), field: field.name.clone() };
        self.change(&model.app, removal, vec![Need::model(model, Done::Released)])
    }

    /// Plans the fields that are gone, then those that are new, then those that are altered.
    pub(super) fn compare_fields(&mut self, was: &ModelDef, now: &ModelDef) -> Result<()> {
        let has = |model: &ModelDef, name: &str| model.fields.iter().any(|field| field.name == name);
        let mut gone: Vec<&Field> = was.fields.iter().filter(|field| !has(now, &field.name)).collect();
        let mut new: Vec<&Field> = now.fields.iter().filter(|field| !has(was, &field.name)).collect();
        gone.sort_by(|a, b| a.name.cmp(&b.name));
        new.sort_by(|a, b| a.name.cmp(&b.name));
        let altered: Vec<(&Field, &Field)> = was
            .fields
            .iter()
            .filter_map(|old| Some((old, now.fields.iter().find(|field| field.name == old.name)?)))
            .filter(|(old, field)| old != field)
            .collect();
        for old in &gone {
            let mut needs = vec![Need::model(now, Done::Released)];
            let computed = gone.iter().filter(|other| uses(other, &old.name));
            needs.extend(computed.map(|other| Need::field(now, &other.name, Done::Gone)));
            let computed = altered.iter().filter(|(other, _)| uses(other, &old.name));
            needs.extend(computed.map(|(other, _)| Need::field(now, &other.name, Done::Altered)));
            if was.primary_key.contains(&old.name) {
                needs.push(Need::model(now, Done::Keyed));
            }
            let removal = Operation::RemoveField { model: now.name.clone(), field: old.name.clone() };
            self.plan(&now.app, removal, needs);
        }
        for field in &new {
            let fill = if was.managed { self.fill(now, field, true)? } else { None };
            let mut needs = vec![Need::field(now, &field.name, Done::Gone)];
            needs.extend(needs_of(field, now));
            needs.extend(self.rows_of(field, now));
            let computed_from = new.iter().filter(|other| uses(field, &other.name));
            needs.extend(computed_from.map(|other| Need::field(now, &other.name, Done::Made)));
            let addition = Operation::AddField { model: now.name.clone(), field: Box::new((*field).clone()), fill };
            self.plan(&now.app, addition, needs);
        }
        // What becomes the key need not be unique by itself any more: but until it is, keys may refer to it.
        let is_key_alone = |old: &Field, field: &Field| {
            let is_new_key = was.primary_key != now.primary_key && now.primary_key == [field.name.clone()];
            is_new_key && old.unique && *old == field.clone().unique(true)
        };
        for (old, field) in &altered {
            self.check_place(now, old, field);
            let must_fill = was.managed && old.null && !field.null && field.has_column() && field.generated.is_none();
            let fill = if must_fill { self.fill(now, field, false)? } else { None };
            let mut needs = vec![Need::field(now, &field.name, Done::Made)];
            needs.extend(needs_of(field, now));
            needs.extend(self.rows_of(field, now));
            if let Some(to_field) = field.relation.as_ref().and_then(|relation| relation.to_field.as_ref()) {
                let target = field.relation.as_ref().map_or("self", |relation| relation.to.as_ref());
                let named = |done| Need { field: Some(to_field.to_string()), ..Need::label(target, now, done) };
                needs.extend([named(Done::Made), named(Done::Altered)]);
            }
            let computed_from = new.iter().filter(|other| uses(field, &other.name));
            needs.extend(computed_from.map(|other| Need::field(now, &other.name, Done::Made)));
            if is_key_alone(old, field) {
                needs.push(Need::model(now, Done::Keyed));
            }
            let field = Box::new((*field).clone());
            self.plan(&now.app, Operation::AlterField { model: now.name.clone(), field, fill }, needs);
        }
        if was.primary_key != now.primary_key {
            let fields = now.primary_key.clone();
            let is_later =
                |name: &str| altered.iter().any(|(old, field)| field.name == name && is_key_alone(old, field));
            let both = fields.iter().flat_map(|field| [(field, Done::Made), (field, Done::Altered)]);
            let both = both.filter(|(field, done)| *done != Done::Altered || !is_later(field));
            let needs = both.map(|(field, done)| Need::field(now, field, done)).collect();
            self.plan(&now.app, Operation::AlterPrimaryKey { model: now.name.clone(), fields }, needs);
        }
        Ok(())
    }

    /// That the model is there whose rows a field keeps a figure of, so that they are counted when the field is made.
    fn rows_of(&self, field: &Field, model: &ModelDef) -> Option<Need> {
        let (child, _) = self.after.way_back(model, &field.rollup.as_ref()?.of)?;
        Some(Need::model(child, Done::Made))
    }

    /// Notes where what was sealed for one place would be looked for at another.
    fn check_place(&mut self, model: &ModelDef, old: &Field, field: &Field) {
        if let (Some(was), Some(now)) = (&old.sealed_for, &field.sealed_for)
            && was != now
        {
            self.problems.push(format!(
                "{}.{}: what is in it was sealed for `{was}`, and would not be found or opened as `{now}`; add \
                 `sealed_for = \"{was}\"` to the field",
                model.label(),
                field.name
            ));
        }
    }

    /// What rows that exist get: the field's own default, computed once for all of them, or what the one says who is
    /// asked.
    fn fill(&mut self, model: &ModelDef, field: &Field, new: bool) -> Result<Option<Value>> {
        let full = self.models.definitions().find(|other| other.app == model.app && other.name == model.name);
        let full = full.and_then(|definition| definition.fields.iter().find(|other| other.name == field.name));
        let default = full.and_then(|field| field.default.as_ref()).filter(|_| !field.kind.is_encrypted());
        if let Some(FieldDefault::Function(_, compute)) = default {
            return Ok(Some(compute()));
        }
        let filled = field.null
            || field.default.is_some()
            || field.db_default.is_some()
            || field.generated.is_some()
            || field.auto_now
            || field.auto_now_add
            || field.kind.is_auto()
            || !field.has_column();
        if filled {
            return Ok(None);
        }
        if field.kind.is_encrypted() {
            return self.fill_encrypted(model, field, new);
        }
        let kind = stored_kind(&self.after, model, field);
        match self.questioner.fill(&Fill { model, field, kind: &kind, new })? {
            Some(Filling::Value(value)) => return Ok(Some(value)),
            Some(Filling::Nothing) => return Ok(None),
            None => {}
        }
        let label = format!("{}.{}", model.label(), field.name);
        let unique = if field.unique { " (one row at most: it is unique)" } else { "" };
        self.problems.push(if new {
            format!(
                "{label}: rows that exist would have nothing in it; give them a value once{unique}, with --fill \
                 {label}=VALUE, or give the field a default, or make it an Option"
            )
        } else {
            format!(
                "{label}: rows may have nothing in it so far; give them a value{unique}, with --fill {label}=VALUE, or \
                 say --no-fill {label} if there are none, or give the field a default"
            )
        });
        Ok(None)
    }
}

impl Detector<'_> {
    /// A migration has no value for an encrypted field: it would stand in its file, for all to read.
    fn fill_encrypted(&mut self, model: &ModelDef, field: &Field, new: bool) -> Result<Option<Value>> {
        let label = format!("{}.{}", model.label(), field.name);
        let fill = Fill { model, field, kind: &field.kind, new };
        if !new && self.questioner.fill(&fill)? == Some(Filling::Nothing) {
            return Ok(None);
        }
        self.problems.push(if new {
            format!(
                "{label}: rows that exist would have nothing in it, and no value to be encrypted stands in a migration; \
                 make it an Option, give rows a value by `run_rust`, then make it required"
            )
        } else {
            format!(
                "{label}: rows may have nothing in it so far, and no value to be encrypted stands in a migration; give \
                 rows a value by `run_rust`, then say --no-fill {label}"
            )
        });
        Ok(None)
    }
}

fn way(old: &Field, field: &Field) -> Way {
    match (old.has_column(), field.has_column()) {
        (true, false) => return Way::Lose("a column cannot become many-to-many, and what it holds would be lost"),
        (false, true) => return Way::Lose("many-to-many cannot become a column, and its pairs would be lost"),
        (false, false) => {
            let through = |field: &Field| field.relation.as_ref().is_some_and(|relation| relation.through.is_some());
            return match (through(old), through(field)) {
                (false, true) => Way::Lose(
                    "its pairs cannot move from the automatic table to the model that it goes through now, and would \
                     be lost",
                ),
                (true, false) => Way::Lose(
                    "its pairs cannot move from the model that it went through to an automatic table, which would be \
                     empty",
                ),
                _ => Way::Alter,
            };
        }
        (true, true) => {}
    }
    match (old.kind.is_encrypted(), field.kind.is_encrypted()) {
        (false, true) => return Way::Lose("what is in the column is not encrypted, and would not be opened"),
        (true, false) => return Way::Lose("what is in the column is ciphertext, and would be taken for the value"),
        _ => {}
    }
    match (&old.generated, &field.generated) {
        (Some(a), Some(b)) if a != b || old.kind != field.kind => Way::Renew,
        (None, Some(_)) => Way::Lose("a column cannot become computed, and what it holds would be lost"),
        (Some(_), None) => Way::Lose("a computed column cannot become a plain one, and its values would be lost"),
        _ => Way::Alter,
    }
}

/// What a field's column holds: for a key, what it refers to.
fn stored_kind(state: &State, model: &ModelDef, field: &Field) -> Kind {
    let (mut model, mut field) = (model, field);
    let mut seen = 0;
    while let Some(relation) = &field.relation {
        let to = match relation.to.split_once('.') {
            Some((app, name)) => state.model(app, name),
            None => Some(model),
        };
        let name = relation.to_field.as_ref().or_else(|| to.and_then(|to| to.primary_key.first()));
        let found = to.and_then(|to| Some((to, to.fields.iter().find(|other| Some(&other.name) == name)?)));
        seen += 1;
        match found {
            // Keys that refer to each other in a circle hold nothing in particular.
            Some(found) if seen < 100 => (model, field) = found,
            _ => return Kind::BigInteger,
        }
    }
    match &field.kind {
        Kind::SmallAuto => Kind::SmallInteger,
        Kind::Auto => Kind::Integer,
        Kind::BigAuto => Kind::BigInteger,
        other => other.clone(),
    }
}
