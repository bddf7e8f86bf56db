//! The models of a program as a graph: names resolved to columns, relations to the models on their other side.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::Model;
use super::definition::{Field, ModelDef, OnDelete, Reference};
use super::slug::SlugPlace;
use super::soft_delete::DeletionMark;
use crate::encryption::{self, KeyRing, SealedColumn};
use crate::engine::Dialect;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::field::Kind;
use crate::json_schema::Versioned;
use crate::migrate::names;
use crate::sql::quoted;

/// The models that a program works with, not yet checked against one another.
///
/// ```
/// # use nuages_orm::Models;
/// let models = Models::new();
/// assert_eq!(models.labels().count(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Models {
    definitions: Vec<(Option<TypeId>, Arc<ModelDef>)>,
    /// Models that are in other databases, by their labels, and which.
    elsewhere: Vec<(String, String)>,
}

impl Models {
    /// No models.
    pub fn new() -> Self {
        Models::default()
    }

    /// Adds a model. Adding the same struct twice changes nothing.
    #[must_use]
    pub fn with<M: Model>(mut self) -> Self {
        let id = Some(TypeId::of::<M>());
        if !self.definitions.iter().any(|(known, _)| *known == id) {
            self.definitions.push((id, Arc::new(M::definition())));
        }
        self
    }

    /// Adds a model that no struct stands for, such as one of a migration's past.
    #[must_use]
    pub fn with_definition(mut self, definition: ModelDef) -> Self {
        self.definitions.push((None, Arc::new(definition)));
        self
    }

    /// Puts a struct in the place of the model of its name.
    pub(crate) fn with_struct<M: Model>(mut self, definition: ModelDef) -> Self {
        let label = definition.label();
        let definition = (Some(TypeId::of::<M>()), Arc::new(definition));
        match self.definitions.iter_mut().find(|(_, known)| known.label() == label) {
            Some(known) => *known = definition,
            None => self.definitions.push(definition),
        }
        self
    }

    /// Adds the models of another set.
    #[must_use]
    pub fn and(mut self, other: Models) -> Self {
        for (id, definition) in other.definitions {
            if id.is_none() || !self.definitions.iter().any(|(known, _)| *known == id) {
                self.definitions.push((id, definition));
            }
        }
        self.elsewhere.extend(other.elsewhere);
        self
    }

    /// Without the models that are in another database, by what the function says: its name, or `None` for those that
    /// stay. Asking for one of them here is an error that says where it is.
    #[must_use]
    pub fn without_those_in(self, other: impl Fn(&ModelDef) -> Option<String>) -> Self {
        let mut here = Models { definitions: Vec::new(), elsewhere: self.elsewhere };
        for (id, definition) in self.definitions {
            match other(&definition) {
                Some(database) => here.elsewhere.push((definition.label(), database)),
                None => here.definitions.push((id, definition)),
            }
        }
        here
    }

    /// The models' names as `app.Model`, in the order they were added.
    pub fn labels(&self) -> impl Iterator<Item = String> + '_ {
        self.definitions.iter().map(|(_, definition)| definition.label())
    }

    /// The models as data, in the order they were added.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<ModelDef>> {
        self.definitions.iter().map(|(_, definition)| definition)
    }
}

/// A model's place in a [`Schema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ModelId(pub(crate) usize);

/// A field's place in its model's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FieldId(pub(crate) usize);

/// The models of a program, checked and connected, as one engine names their tables and columns.
pub struct Schema {
    dialect: Dialect,
    /// What opens and seals the values of encrypted fields.
    keys: Option<KeyRing>,
    entries: Vec<Entry>,
    by_label: Names<String, ModelId>,
    by_type: HashMap<TypeId, ModelId>,
    /// Models that are in other databases, by their labels, and which.
    elsewhere: Vec<(String, String)>,
}

/// A map by names that the program itself has given, a few letters each: no stranger can choose them so that they
/// collide, and a hash of a few instructions is enough.
type Names<K, V> = HashMap<K, V, BuildHasherDefault<NameHasher>>;

#[derive(Debug, Clone, Copy, Default)]
struct NameHasher(u64);

impl NameHasher {
    fn add(&mut self, word: u64) {
        // An odd number without a pattern: 2^64 divided by the golden ratio.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn finish(&self) -> u64 {
        // Maps look at the lowest and the highest bits, multiplying has mixed the highest best.
        self.0.rotate_left(26)
    }
}

/// A model of a [`Schema`].
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: ModelId,
    pub(crate) definition: Arc<ModelDef>,
    /// `app.Model`.
    pub(crate) label: String,
    /// The table, shortened where the engine demands it.
    pub(crate) table: String,
    /// The table as SQL names it.
    pub(crate) quoted: String,
    /// The fields that have a column, in the order of the definition.
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key, as indexes into `columns`.
    pub(crate) primary_key: Vec<usize>,
    /// Everything a query may name after this model.
    names: Names<Cow<'static, str>, Named>,
    /// What each field refers to, by its place: the model, and the place of the column among that model's.
    targets: Vec<Option<(ModelId, usize)>>,
    /// The relations of other models (or of this one to itself) that end here, hidden ones included: what a deletion
    /// must look at.
    pub(crate) incoming: Vec<(ModelId, FieldId)>,
    /// The relations between, for each many-to-many field.
    pub(crate) many_to_many: HashMap<FieldId, ManyToMany>,
    /// The model and field that this table was made for: set for automatic tables between only.
    pub(crate) automatic_for: Option<(ModelId, FieldId)>,
    /// The columns whose documents have versions, by their place.
    pub(crate) versioned: Versioned,
    /// The columns as SQL selects them.
    select_list: String,
    /// How deleted rows are marked; `None` if they are gone.
    pub(crate) deletion_mark: Option<DeletionMark>,
    /// The slug that is made for new rows, if one is.
    pub(crate) slug: Option<SlugPlace>,
}

/// A column of a model's table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) field: FieldId,
    /// The name in the database.
    pub(crate) name: String,
    /// Django's `attname`: the field's name, with `_id` after a foreign key's.
    pub(crate) attname: String,
    /// What is stored: for a foreign key, what it refers to.
    pub(crate) kind: Kind,
    /// For a foreign key, the kind of the key at the end of the chain, which may be one that the database numbers.
    pub(crate) end_kind: Kind,
    pub(crate) null: bool,
    /// The column as SQL names it: alone, and after its table.
    pub(crate) quoted: String,
    pub(crate) qualified: String,
    /// What there is to know of it if it is encrypted.
    pub(crate) sealed: Option<Arc<SealedColumn>>,
}

/// The two halves of a many-to-many relation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManyToMany {
    pub(crate) through: ModelId,
    /// The key in `through` that refers to the model with the field.
    pub(crate) source: FieldId,
    /// The key in `through` that refers to the other model.
    pub(crate) target: FieldId,
}

/// What a name after a model stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// A field of the model: a column, a foreign key by its field name, or a many-to-many relation.
    Field(FieldId),
    /// The column of a foreign key by its `attname`, or a plain field's.
    Column(FieldId),
    /// The way back over a foreign or one-to-one key of `model`.
    Reverse { model: ModelId, field: FieldId },
    /// The way back over a many-to-many relation of `model`.
    ReverseMany { model: ModelId, field: FieldId },
    /// `pk`, where the key is made of several columns.
    CompositeKey,
}

impl Schema {
    /// Checks the models and connects them.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with every problem on a line: a name twice, a relation to a model that is not
    /// there, a way back that clashes, a key to a field that is not unique, a model without a primary key, a figure
    /// over what cannot be counted.
    pub fn new(models: &Models, dialect: Dialect) -> Result<Arc<Schema>> {
        Schema::build(models, dialect, true, None)
    }

    /// The models as they were at some point of a history, where figures may be over relations that came later.
    pub(crate) fn past(models: &Models, dialect: Dialect) -> Result<Arc<Schema>> {
        Schema::build(models, dialect, false, None)
    }

    /// As [`new`](Schema::new), with keys for encrypted fields.
    pub(crate) fn with_keys(models: &Models, dialect: Dialect, keys: Option<KeyRing>) -> Result<Arc<Schema>> {
        Schema::build(models, dialect, true, keys)
    }

    fn build(models: &Models, dialect: Dialect, is_present: bool, keys: Option<KeyRing>) -> Result<Arc<Schema>> {
        let (entries, by_label, by_type) = (Vec::new(), Names::default(), HashMap::new());
        let elsewhere = models.elsewhere.clone();
        let schema = Schema { dialect, keys, entries, by_label, by_type, elsewhere };
        let mut build = Build { schema, is_present, problems: Vec::new() };
        for (type_id, definition) in &models.definitions {
            build.add(*type_id, definition.clone(), None);
        }
        build.connect();
        for entry in &mut build.schema.entries {
            match SlugPlace::find(entry) {
                Ok(slug) => entry.slug = slug,
                // A migration may make the field before its constraint.
                Err(problem) if is_present => build.problems.push(problem),
                Err(_) => {}
            }
        }
        if is_present && build.problems.is_empty() {
            build.problems.extend(super::rollup::problems(&build.schema));
        }
        if build.problems.is_empty() {
            Ok(Arc::new(build.schema))
        } else {
            Err(Error::new(ErrorKind::Configuration, build.problems.join("\n")))
        }
    }

    /// The engine whose names these are.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The models of some point of a history on the same database, with the same keys.
    pub(crate) fn of_past(&self, models: &Models) -> Result<Arc<Schema>> {
        Schema::build(models, self.dialect, false, self.keys.clone())
    }

    /// The keys of encrypted fields.
    pub(crate) fn keys(&self) -> Option<&KeyRing> {
        self.keys.as_ref()
    }

    /// Refuses models with encrypted fields where there are no keys.
    pub(crate) fn check_keys(&self) -> Result<()> {
        let sealed = self.entries.iter().flat_map(|entry| &entry.columns).filter_map(|column| column.sealed.as_ref());
        match (&self.keys, { sealed }.next()) {
            (None, Some(column)) => Err(column.no_keys()),
            _ => Ok(()),
        }
    }

    /// The models' names as `app.Model`, automatic tables between included.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.label.as_str())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of an id that this schema gave out.
    pub(crate) fn entry(&self, id: ModelId) -> &Entry {
        &self.entries[id.0]
    }

    /// The model that a struct stands for.
    pub(crate) fn of<M: Model>(&self) -> Result<&Entry> {
        match self.by_type.get(&TypeId::of::<M>()) {
            Some(id) => Ok(self.entry(*id)),
            None if let Some(database) = self.elsewhere(M::LABEL) => Err(Error::new(
                ErrorKind::Configuration,
                format!("model {} is in the database `{database}`, and this is another one", M::LABEL),
            )),
            None => Err(Error::new(
                ErrorKind::Configuration,
                format!(
                    "model {} is not registered: add `.model::<…>()` to its app, or to the `Models` that the Db was \
                         made with",
                    M::LABEL
                ),
            )),
        }
    }

    /// The name of the database that an `app.Model` is in, or the models of an `app`, if it is another one.
    pub(crate) fn elsewhere(&self, label: &str) -> Option<&str> {
        let is_meant = |known: &str| match label.contains('.') {
            true => known.eq_ignore_ascii_case(label),
            false => known.split('.').next() == Some(label),
        };
        self.elsewhere.iter().find(|(known, _)| is_meant(known)).map(|(_, database)| database.as_str())
    }

    /// The model of this name (`app.Model`, in any case).
    pub(crate) fn by_label(&self, label: &str) -> Result<&Entry> {
        let known = self.by_label.get(label).or_else(|| self.by_label.get(&label.to_lowercase()));
        known.map(|id| self.entry(*id)).ok_or_else(|| {
            if let Some(database) = self.elsewhere(label).filter(|_| label.contains('.')) {
                let text = format!("model {label} is in the database `{database}`, and this is another one");
                return Error::new(ErrorKind::Field, text);
            }
            let mut labels: Vec<&str> =
                self.entries.iter().filter(|e| e.automatic_for.is_none()).map(|e| e.label.as_str()).collect();
            labels.sort_unstable();
            let hint = nearest(label, labels.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            Error::new(
                ErrorKind::Field,
                format!("unknown model `{label}`: choices are {}{}", labels.join(", "), hint.unwrap_or_default()),
            )
        })
    }
}

impl Schema {
    /// The models that labels name, each an `app` or an `app.Model`, in the order of the labels; of an app in the order they
    /// were added. Automatic tables between are not among them. An error in a sentence if there are none for a label.
    pub(crate) fn named(&self, labels: &[String]) -> Result<Vec<ModelId>, String> {
        let mut found = Vec::new();
        for label in labels {
            let of_label = |entry: &&Entry| match label.contains('.') {
                true => entry.label.eq_ignore_ascii_case(label),
                false => entry.definition.app == *label,
            };
            let listed = || self.entries().iter().filter(|entry| entry.automatic_for.is_none());
            let named: Vec<ModelId> = listed().filter(of_label).map(|entry| entry.id).collect();
            if named.is_empty() {
                if let Some(database) = self.elsewhere(label) {
                    return Err(format!("{label} is in the database `{database}`, and this is another one"));
                }
                let choices: Vec<&str> = match label.contains('.') {
                    true => listed().map(|entry| entry.label.as_str()).collect(),
                    false => listed().map(|entry| entry.definition.app.as_ref()).collect(),
                };
                let hint = nearest(label, choices).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(format!("unknown app or model `{label}`{hint}"));
            }
            found.extend(named.into_iter().filter(|id| !found.contains(id)).collect::<Vec<_>>());
        }
        Ok(found)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.labels()).finish()
    }
}

impl Entry {
    /// A field of the definition.
    pub(crate) fn field(&self, id: FieldId) -> &Field {
        &self.definition.fields[id.0]
    }

    /// The id of the field of this name, relations included, ways back not.
    pub(crate) fn field_id(&self, name: &str) -> Option<FieldId> {
        self.definition.fields.iter().position(|field| field.name == name).map(FieldId)
    }

    /// The column of a field, unless it is a many-to-many relation.
    pub(crate) fn column(&self, id: FieldId) -> Option<&Column> {
        self.columns.iter().find(|column| column.field == id)
    }

    /// The only column of the primary key, if it has but one.
    pub(crate) fn single_key(&self) -> Option<&Column> {
        match self.primary_key.as_slice() {
            [only] => self.columns.get(*only),
            _ => None,
        }
    }

    /// All columns as SQL selects them, each after its table.
    pub(crate) fn select_list(&self) -> &str {
        &self.select_list
    }

    /// What a name stands for after this model.
    pub(crate) fn named(&self, name: &str) -> Option<Named> {
        self.names.get(name).copied()
    }

    /// Everything a query may name after this model, in order of the alphabet.
    pub(crate) fn choices(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.keys().map(AsRef::as_ref).filter(|name| !name.starts_with('+')).collect();
        names.sort_unstable();
        names
    }

    /// The error for a name that stands for nothing here.
    pub(crate) fn unknown(&self, name: &str) -> Error {
        let choices = self.choices();
        let hint = nearest(name, choices.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
        Error::new(
            ErrorKind::Field,
            format!(
                "unknown field `{name}` of {}: choices are {}{}",
                self.label,
                choices.join(", "),
                hint.unwrap_or_default()
            ),
        )
    }
}

impl Schema {
    /// The model that a foreign key refers to, and the column there.
    pub(crate) fn target(&self, model: ModelId, field: FieldId) -> Option<(ModelId, &Column)> {
        let (to, place) = (*self.entry(model).targets.get(field.0)?)?;
        Some((to, self.entry(to).columns.get(place)?))
    }

    fn find_target(&self, entry: &Entry, field: &Field) -> Option<(ModelId, usize)> {
        let relation = field.relation.as_ref()?;
        let to = self.relation_target(entry, relation)?;
        let place = match &relation.to_field {
            Some(name) => to.columns.iter().position(|column| to.field(column.field).name == *name)?,
            None => match to.primary_key.as_slice() {
                [only] => *only,
                _ => return None,
            },
        };
        Some((to.id, place))
    }

    fn relation_target<'a>(&'a self, entry: &'a Entry, relation: &Reference) -> Option<&'a Entry> {
        if relation.to == "self" {
            return Some(entry);
        }
        self.by_label.get(relation.to.as_ref()).map(|id| self.entry(*id))
    }
}

/// The name by which the way back over a many-to-many relation can always be had, whatever its `related_name`.
pub(crate) fn hidden_name(label: &str, field: &str) -> String {
    format!("+{label}.{field}")
}

/// The name by which the model between can always be had from either end of a many-to-many relation.
pub(crate) fn name_between(label: &str, field: &str, from: End) -> String {
    let end = match from {
        End::Owner => "owner",
        End::Other => "other",
    };
    format!("+{label}.{field}+{end}")
}

/// An end of a many-to-many relation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// The model with the field.
    Owner,
    /// The model that the field leads to.
    Other,
}

/// A schema under construction.
struct Build {
    schema: Schema,
    /// Whether these are the models of today, not those of some point of a history.
    is_present: bool,
    problems: Vec<String>,
}

impl Build {
    fn add(
        &mut self,
        type_id: Option<TypeId>,
        definition: Arc<ModelDef>,
        automatic_for: Option<(ModelId, FieldId)>,
    ) -> ModelId {
        let id = ModelId(self.schema.entries.len());
        let label = definition.label();
        let table = match &definition.table {
            Some(table) => table.to_string(),
            None => names::table(&definition.app, &definition.name, self.schema.dialect),
        };
        for key in [label.clone(), label.to_lowercase()] {
            if let Some(other) = self.schema.by_label.insert(key, id)
                && other != id
            {
                self.problems.push(format!("{label}: another model has this name; rename one of the two"));
            }
        }
        if let Some(type_id) = type_id {
            self.schema.by_type.insert(type_id, id);
        }
        let deletion_mark = definition.deletion_mark();
        self.schema.entries.push(Entry {
            id,
            definition,
            label,
            table,
            quoted: String::new(),
            columns: Vec::new(),
            primary_key: Vec::new(),
            names: Names::default(),
            targets: Vec::new(),
            incoming: Vec::new(),
            many_to_many: HashMap::new(),
            automatic_for,
            versioned: Versioned::new(),
            select_list: String::new(),
            deletion_mark,
            slug: None,
        });
        id
    }

    fn connect(&mut self) {
        self.add_tables_between();
        let count = self.schema.entries.len();
        for index in 0..count {
            self.add_columns(ModelId(index));
        }
        self.find_targets();
        for index in 0..count {
            self.name_fields(ModelId(index));
        }
        for index in 0..count {
            self.connect_many_to_many(ModelId(index));
        }
        for index in 0..count {
            self.name_ways_back(ModelId(index));
        }
        self.share_with_proxies();
        self.quote_names();
        // A model that moves to another app has two names for a while.
        if self.is_present {
            self.check_tables();
        }
        self.problems.extend(super::natural::problems(&self.schema));
        self.problems.extend(super::soft_delete::problems(&self.schema));
        self.problems.extend(encryption::problems(&self.schema));
        for index in 0..self.schema.entries.len() {
            for (place, sealed) in encryption::sealed_columns(&self.schema, &self.schema.entries[index]) {
                self.schema.entries[index].columns[place].sealed = Some(sealed);
            }
        }
    }

    /// Adds a model for each many-to-many relation that names none between.
    fn add_tables_between(&mut self) {
        for index in 0..self.schema.entries.len() {
            let owner = self.schema.entries[index].definition.clone();
            let owner_table = self.schema.entries[index].table.clone();
            for (position, field) in owner.fields.iter().enumerate() {
                let Some(relation) = &field.relation else { continue };
                if field.kind != Kind::ManyToMany || relation.through.is_some() || owner.proxy_for.is_some() {
                    continue;
                }
                let definition = table_between(&owner, &owner_table, field, relation, self.schema.dialect);
                self.add(None, Arc::new(definition), Some((ModelId(index), FieldId(position))));
            }
        }
    }

    fn add_columns(&mut self, id: ModelId) {
        let definition = self.schema.entry(id).definition.clone();
        let mut columns = Vec::new();
        for (position, field) in definition.fields.iter().enumerate().filter(|(_, field)| field.has_column()) {
            let kind = match self.stored_kind(id, field, 0) {
                Ok(kind) => kind,
                Err(problem) => {
                    self.problems.push(problem);
                    continue;
                }
            };
            let attname = if field.relation.is_some() { format!("{}_id", field.name) } else { field.name.to_string() };
            columns.push(Column {
                field: FieldId(position),
                name: field.column_name().into_owned(),
                attname,
                end_kind: kind.clone(),
                kind,
                null: field.null,
                // Set once the tables are known.
                quoted: String::new(),
                qualified: String::new(),
                sealed: None,
            });
        }
        let mut primary_key = Vec::new();
        for name in &definition.primary_key {
            match columns.iter().position(|column| definition.fields[column.field.0].name == *name) {
                Some(position) => primary_key.push(position),
                None => self
                    .problems
                    .push(format!("{}: its primary key `{name}` is no field with a column", definition.label())),
            }
        }
        if definition.primary_key.is_empty() {
            self.problems.push(format!(
                "{}: has no primary key; add `pub id: i64`, or mark a field `#[field(primary_key)]`",
                definition.label()
            ));
        }
        let of = |column: &Column| &definition.fields[column.field.0];
        for column in &columns {
            let problem = super::document::problem(of(column), column);
            self.problems
                .extend(problem.map(|problem| format!("{}.{}: {problem}", definition.label(), of(column).name)));
        }
        let schemas =
            columns.iter().enumerate().filter_map(|(place, column)| Some((place, of(column).schema.clone()?)));
        let versioned = schemas.filter(|(_, schema)| schema.current_version().is_some()).collect();
        let entry = &mut self.schema.entries[id.0];
        entry.columns = columns;
        entry.primary_key = primary_key;
        entry.versioned = versioned;
    }

    /// Finds what keys refer to, once all models have their columns.
    fn find_targets(&mut self) {
        let find =
            |entry: &Entry| entry.definition.fields.iter().map(|field| self.schema.find_target(entry, field)).collect();
        let targets: Vec<Vec<_>> = self.schema.entries.iter().map(find).collect();
        for (entry, targets) in self.schema.entries.iter_mut().zip(targets) {
            entry.targets = targets;
        }
        for index in 0..self.schema.entries.len() {
            for place in 0..self.schema.entries[index].columns.len() {
                let (mut model, mut column) = (ModelId(index), &self.schema.entries[index].columns[place]);
                // What `stored_kind` found to have no end has this one.
                for _ in 0..32 {
                    match self.schema.target(model, column.field) {
                        Some(next) => (model, column) = next,
                        None => break,
                    }
                }
                let kind = column.kind.clone();
                self.schema.entries[index].columns[place].end_kind = kind;
            }
        }
    }

    /// Writes the names of tables and columns as SQL has them, once for all statements.
    fn quote_names(&mut self) {
        for entry in &mut self.schema.entries {
            entry.quoted = quoted(&entry.table);
            for column in &mut entry.columns {
                column.quoted = quoted(&column.name);
                column.qualified = format!("{}.{}", entry.quoted, column.quoted);
            }
            let columns: Vec<&str> = entry.columns.iter().map(|column| column.qualified.as_str()).collect();
            entry.select_list = columns.join(", ");
        }
    }

    /// The kind of the column that a field has: for a foreign key, that of the column it refers to (Django's
    /// `rel_db_type`).
    fn stored_kind(&self, id: ModelId, field: &Field, depth: usize) -> Result<Kind, String> {
        let Some(relation) = &field.relation else { return Ok(field.kind.clone()) };
        let entry = self.schema.entry(id);
        let here = format!("{}.{}", entry.label, field.name);
        if depth > 32 {
            return Err(format!("{here}: its chain of keys to keys never ends"));
        }
        let Some(to) = self.schema.relation_target(entry, relation) else {
            return Err(format!(
                "{here}: refers to model `{}`, which is not registered; add it to its app",
                relation.to
            ));
        };
        let target = match (&relation.to_field, to.definition.primary_key.as_slice()) {
            (Some(name), _) => name.clone(),
            (None, [key]) => key.clone(),
            (None, _) => {
                return Err(format!(
                    "{here}: {} has a composite primary key, which no foreign key can refer to",
                    to.label
                ));
            }
        };
        let Some(target) = to.definition.fields.iter().find(|field| field.name == target && field.has_column()) else {
            return Err(format!("{here}: {} has no field `{target}` to refer to", to.label));
        };
        if !target.unique && to.definition.primary_key != [target.name.clone()] {
            return Err(format!("{here}: {}.{} is not unique, so no key can refer to it", to.label, target.name));
        }
        Ok(match self.stored_kind(to.id, target, depth + 1)? {
            Kind::SmallAuto => Kind::SmallInteger,
            Kind::Auto => Kind::Integer,
            Kind::BigAuto => Kind::BigInteger,
            other => other,
        })
    }

    fn name_fields(&mut self, id: ModelId) {
        let entry = &mut self.schema.entries[id.0];
        let mut names = Names::default();
        for (position, field) in entry.definition.fields.iter().enumerate() {
            names.insert(field.name.clone(), Named::Field(FieldId(position)));
        }
        for column in &entry.columns {
            names.entry(Cow::Owned(column.attname.clone())).or_insert(Named::Column(column.field));
        }
        let key = match entry.single_key() {
            Some(column) => Named::Field(column.field),
            None => Named::CompositeKey,
        };
        names.insert(Cow::Borrowed("pk"), key);
        entry.names = names;
    }

    fn connect_many_to_many(&mut self, id: ModelId) {
        let definition = self.schema.entry(id).definition.clone();
        for (position, field) in definition.fields.iter().enumerate() {
            let (Kind::ManyToMany, Some(relation)) = (&field.kind, &field.relation) else { continue };
            let here = format!("{}.{}", definition.label(), field.name);
            let Some(to) = self.schema.relation_target(self.schema.entry(id), relation).map(|entry| entry.id) else {
                self.problems.push(format!(
                    "{here}: refers to model `{}`, which is not registered; add it to its app",
                    relation.to
                ));
                continue;
            };
            let through = match &relation.through {
                Some(label) => self.schema.by_label.get(label.as_ref()).copied(),
                None => {
                    self.schema.entries.iter().find(|e| e.automatic_for == Some((id, FieldId(position)))).map(|e| e.id)
                }
            };
            let Some(through) = through else {
                if let Some(label) = &relation.through {
                    self.problems.push(format!(
                        "{here}: goes through model `{label}`, which is not registered; add it to its app"
                    ));
                }
                continue;
            };
            match self.keys_between(id, to, through, relation) {
                Some((source, target)) => {
                    let m2m = ManyToMany { through, source, target };
                    self.schema.entries[id.0].many_to_many.insert(FieldId(position), m2m);
                    for (model, key, end) in [(id, source, End::Owner), (to, target, End::Other)] {
                        let name = name_between(&definition.label(), &field.name, end);
                        let way = Named::Reverse { model: through, field: key };
                        self.schema.entries[model.0].names.insert(Cow::Owned(name), way);
                    }
                }
                None => self.problems.push(format!(
                    "{here}: {} needs one foreign key to {} and one to {}; name them with `through_fields`",
                    self.schema.entry(through).label,
                    definition.label(),
                    self.schema.entry(to).label
                )),
            }
        }
    }

    fn keys_between(
        &self,
        from: ModelId,
        to: ModelId,
        through: ModelId,
        relation: &Reference,
    ) -> Option<(FieldId, FieldId)> {
        let between = self.schema.entry(through);
        if let Some((here, there)) = &relation.through_fields {
            return between.field_id(here).zip(between.field_id(there));
        }
        let keys_to = |model: ModelId| {
            between
                .columns
                .iter()
                .map(|column| column.field)
                .filter(move |field| self.schema.target(through, *field).is_some_and(|(target, _)| target == model))
        };
        let source = keys_to(from).next()?;
        let target = keys_to(to).find(|field| *field != source)?;
        let unambiguous = if from == to {
            keys_to(from).count() == 2
        } else {
            keys_to(from).count() == 1 && keys_to(to).count() == 1
        };
        unambiguous.then_some((source, target))
    }

    fn name_ways_back(&mut self, id: ModelId) {
        let definition = self.schema.entry(id).definition.clone();
        if definition.proxy_for.is_some() {
            return;
        }
        for (position, field) in definition.fields.iter().enumerate() {
            let Some(relation) = &field.relation else { continue };
            let Some(to) = self.schema.relation_target(self.schema.entry(id), relation).map(|entry| entry.id) else {
                continue;
            };
            let field_id = FieldId(position);
            if field.has_column() {
                self.schema.entries[to.0].incoming.push((id, field_id));
            }
            if !field.has_column() {
                let way = Named::ReverseMany { model: id, field: field_id };
                let name = hidden_name(&definition.label(), &field.name);
                self.schema.entries[to.0].names.insert(Cow::Owned(name), way);
            }
            let hidden = relation.related_name.as_deref().is_some_and(|name| name.ends_with('+'));
            let symmetrical = field.kind == Kind::ManyToMany && relation.symmetrical;
            if hidden || symmetrical {
                continue;
            }
            let name = match &relation.related_name {
                Some(name) => name.clone(),
                None => Cow::Owned(definition.name.to_lowercase()),
            };
            let way = if field.has_column() {
                Named::Reverse { model: id, field: field_id }
            } else {
                Named::ReverseMany { model: id, field: field_id }
            };
            let target = &mut self.schema.entries[to.0];
            match target.names.entry(name) {
                MapEntry::Vacant(free) => drop(free.insert(way)),
                MapEntry::Occupied(taken) => self.problems.push(format!(
                    "{}.{}: its way back `{}` is already a name of {}; set another `related_name`, or \"+\" for none",
                    definition.label(),
                    field.name,
                    taken.key(),
                    target.label
                )),
            }
        }
    }

    /// A proxy has the ways back of the model whose table it shares.
    fn share_with_proxies(&mut self) {
        for index in 0..self.schema.entries.len() {
            let Some(label) = self.schema.entries[index].definition.proxy_for.clone() else { continue };
            let Some(of) = self.schema.by_label.get(label.as_ref()).copied() else {
                self.problems.push(format!(
                    "{}: is a proxy for `{label}`, which is not registered",
                    self.schema.entries[index].label
                ));
                continue;
            };
            let names = self.schema.entry(of).names.clone();
            let incoming = self.schema.entry(of).incoming.clone();
            let table = self.schema.entry(of).table.clone();
            let proxy = &mut self.schema.entries[index];
            for (name, named) in names {
                if matches!(named, Named::Reverse { .. } | Named::ReverseMany { .. }) {
                    proxy.names.entry(name).or_insert(named);
                }
            }
            proxy.incoming.extend(incoming);
            proxy.table = table;
        }
    }

    fn check_tables(&mut self) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for entry in
            self.schema.entries.iter().filter(|entry| entry.definition.proxy_for.is_none() && entry.definition.managed)
        {
            if let Some(other) = seen.insert(&entry.table, &entry.label) {
                self.problems.push(format!(
                    "{}: its table `{}` is that of {other} too; set another, or make one a proxy of the other",
                    entry.label, entry.table
                ));
            }
        }
    }
}

/// The model of an automatic table between (Django's `create_many_to_many_intermediary_model`).
fn table_between(
    owner: &ModelDef,
    owner_table: &str,
    field: &Field,
    relation: &Reference,
    dialect: Dialect,
) -> ModelDef {
    let here = owner.name.to_lowercase();
    let there = relation.to.rsplit('.').next().unwrap_or(&relation.to).to_lowercase();
    let to_self = relation.to == "self" || relation.to == owner.label();
    let (source, target) = if to_self { (format!("from_{here}"), format!("to_{here}")) } else { (here.clone(), there) };
    let table = match &relation.table {
        Some(table) => table.to_string(),
        None => names::shorten(&format!("{owner_table}_{}", field.name), dialect),
    };
    let to = if to_self { owner.label() } else { relation.to.to_string() };
    let key = |name: &str, to: String| {
        let reference = Reference::new(to, OnDelete::Cascade).related_name("+").constraint(relation.constraint);
        Field::foreign_key(name.to_owned(), reference)
    };
    let mut between = ModelDef::new(owner.app.clone(), format!("{}_{}", owner.name, field.name))
        .table(table)
        .managed(owner.managed)
        .field(Field::new("id", Kind::BigAuto))
        .field(key(&source, owner.label()))
        .field(key(&target, to))
        .primary_key("id");
    between.unique_together.push(vec![source.into(), target.into()]);
    between
}
