//! A model as the macro sees it: plain data, read from the struct and checked.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Attribute, Data, DeriveInput, Expr, Fields, Ident, Path, Type, Visibility, parse_quote};

use crate::errors::{Errors, unknown};
use crate::parse::{Arg, Value, args, docs, path_of, step_of, word_of};
use crate::types::{self, Holds};

/// A struct with `#[derive(Model)]`.
#[derive(Debug)]
pub(crate) struct Model {
    /// The path of the ORM crate.
    pub(crate) krate: Path,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) app: String,
    pub(crate) fields: Vec<Field>,
    /// The fields of the primary key, as indexes.
    pub(crate) primary_key: Vec<usize>,
    pub(crate) table: Option<String>,
    pub(crate) ordering: Vec<Step>,
    pub(crate) unique_together: Vec<Vec<String>>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) comment: Option<String>,
    pub(crate) managed: bool,
    pub(crate) proxy_for: Option<Path>,
    pub(crate) verbose_name: Option<String>,
}

/// A field of the struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    /// The name in queries: the identifier without `r#`.
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    /// The whole type.
    pub(crate) ty: Type,
    /// Whether the type is one that no column holds, so that nothing is emitted for the field.
    pub(crate) broken: bool,
    /// Whether it is an `Option`.
    pub(crate) nullable: bool,
    pub(crate) shape: Shape,
    pub(crate) column: Option<String>,
    pub(crate) unique: Option<bool>,
    pub(crate) index: Option<bool>,
    pub(crate) default: Option<Default>,
    pub(crate) db_default: Option<Expr>,
    pub(crate) comment: Option<String>,
    pub(crate) auto_now: bool,
    pub(crate) auto_now_add: bool,
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<Generated>,
    pub(crate) verbose_name: Option<String>,
}

/// What a field is.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A column of its own kind.
    Column(Column),
    /// A foreign or one-to-one key.
    Key(Box<Key>),
    /// A many-to-many relation.
    Many(Many),
}

/// A column that is no key to another model.
#[derive(Debug)]
pub(crate) struct Column {
    /// The type without its `Option`.
    pub(crate) base: Type,
    pub(crate) holds: Holds,
    /// The kind, where it is not the type's own.
    pub(crate) kind: Option<String>,
    pub(crate) max_length: Option<u32>,
    /// `max_digits` and `decimal_places`.
    pub(crate) digits: Option<(u16, u16)>,
}

/// A foreign or one-to-one key.
#[derive(Debug)]
pub(crate) struct Key {
    /// The model referred to.
    pub(crate) to: Type,
    pub(crate) to_self: bool,
    /// The key's type, if it is not that of the primary key.
    pub(crate) key: Option<Type>,
    pub(crate) one_to_one: bool,
    pub(crate) on_delete: OnDelete,
    pub(crate) to_field: Option<String>,
    pub(crate) related_name: Option<String>,
    pub(crate) constraint: bool,
}

/// A many-to-many relation.
#[derive(Debug)]
pub(crate) struct Many {
    /// The model on the other side.
    pub(crate) to: Type,
    pub(crate) to_self: bool,
    pub(crate) related_name: Option<String>,
    pub(crate) constraint: bool,
    pub(crate) through: Option<Path>,
    pub(crate) through_fields: Option<(String, String)>,
    pub(crate) table: Option<String>,
    pub(crate) symmetrical: bool,
}

/// What happens to the row when the one it refers to is deleted.
#[derive(Debug)]
pub(crate) enum OnDelete {
    /// One of the choices without an argument.
    Plain(Ident),
    /// `Set(function)`.
    Set(Expr),
}

/// A default that the program fills in.
#[derive(Debug)]
pub(crate) enum Default {
    /// `default`: the type's own.
    OfType,
    /// A constant.
    Constant(Expr),
    /// Something computed for each row.
    Computed(Expr),
}

/// A column that the database computes.
#[derive(Debug)]
pub(crate) struct Generated {
    pub(crate) expression: Expr,
    pub(crate) stored: bool,
}

/// One step of an ordering over fields.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) descending: bool,
    /// Relations and a field at last.
    pub(crate) names: Vec<Ident>,
}

/// A unique or check constraint.
#[derive(Debug)]
pub(crate) enum Constraint {
    Unique(Unique),
    Check { name: String, condition: Expr },
}

/// A unique constraint.
#[derive(Debug)]
pub(crate) struct Unique {
    pub(crate) name: String,
    pub(crate) over: Over<String>,
    pub(crate) condition: Option<Expr>,
    pub(crate) include: Vec<String>,
    /// Whether deferred (`true`) or immediate.
    pub(crate) deferrable: Option<bool>,
    pub(crate) nulls_distinct: Option<bool>,
}

/// An index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) name: Option<String>,
    pub(crate) over: Over<Step>,
    pub(crate) condition: Option<Expr>,
    pub(crate) include: Vec<String>,
}

/// What a unique constraint or index is over.
#[derive(Debug)]
pub(crate) enum Over<T> {
    Fields(Vec<T>),
    /// A closure from the model's fields to a tuple of expressions.
    Expressions(Expr),
}

const MODEL_ATTRIBUTES: &[&str] = &[
    "app",
    "table",
    "ordering",
    "unique_together",
    "unique",
    "check",
    "index",
    "comment",
    "managed",
    "proxy_for",
    "primary_key",
    "verbose_name",
    "crate",
];

const FIELD_ATTRIBUTES: &[&str] = &[
    "max_length",
    "max_digits",
    "decimal_places",
    "primary_key",
    "unique",
    "index",
    "default",
    "db_default",
    "column",
    "comment",
    "auto_now",
    "auto_now_add",
    "collation",
    "generated",
    "generated_virtual",
    "kind",
    "verbose_name",
    "on_delete",
    "related_name",
    "to_field",
    "constraint",
    "through",
    "through_fields",
    "table",
    "symmetrical",
];

/// Attributes for columns alone.
const COLUMN_ONLY: &[&str] = &[
    "max_length",
    "max_digits",
    "decimal_places",
    "auto_now",
    "auto_now_add",
    "collation",
    "generated",
    "generated_virtual",
    "kind",
];
/// Attributes for foreign and one-to-one keys alone.
const KEY_ONLY: &[&str] = &["on_delete", "to_field"];
/// Attributes for many-to-many relations alone.
const MANY_ONLY: &[&str] = &["through", "through_fields", "table", "symmetrical"];
/// Attributes that a many-to-many relation has.
const OF_MANY: &[&str] =
    &["related_name", "constraint", "through", "through_fields", "table", "symmetrical", "verbose_name"];

const UNIQUE_ATTRIBUTES: &[&str] =
    &["name", "fields", "expressions", "condition", "include", "deferrable", "nulls_distinct"];
const INDEX_ATTRIBUTES: &[&str] = &["name", "fields", "expressions", "condition", "include"];
const CHECK_ATTRIBUTES: &[&str] = &["name", "condition"];
const ON_DELETE: &[&str] = &["Cascade", "Protect", "Restrict", "SetNull", "SetDefault", "Set(function)", "DoNothing"];

impl Model {
    /// Reads a struct. `None` if it is so far from a model that nothing can be emitted for it.
    pub(crate) fn read(input: &DeriveInput, errors: &mut Errors) -> Option<Model> {
        let Data::Struct(data) = &input.data else {
            errors.at(&input.ident, "a model is a struct with named fields");
            return None;
        };
        let Fields::Named(named) = &data.fields else {
            errors.at(&input.ident, "a model is a struct with named fields");
            return None;
        };
        if !input.generics.params.is_empty() {
            errors.at(&input.generics, "a model has no type parameters or lifetimes: it is one table");
            return None;
        }
        let list = args(&input.attrs, "model", errors);
        let mut model = Model {
            krate: crate_path(&list, errors),
            visibility: input.vis.clone(),
            name: input.ident.clone(),
            app: String::new(),
            fields: Vec::new(),
            primary_key: Vec::new(),
            table: None,
            ordering: Vec::new(),
            unique_together: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            comment: None,
            managed: true,
            proxy_for: None,
            verbose_name: None,
        };
        let mut marked = Vec::new();
        for field in &named.named {
            let (field, primary_key) = Field::read(field, &input.ident, errors);
            if let Some(token) = primary_key {
                marked.push((model.fields.len(), token));
            }
            model.fields.push(field);
        }
        model.check_ways_back(errors);
        model.read_attributes(&list, errors);
        model.read_primary_key(&list, &marked, errors);
        Some(model)
    }

    fn read_attributes(&mut self, list: &[Arg], errors: &mut Errors) {
        refuse_repeats(list, &["unique", "check", "index"], errors);
        let mut has_app = false;
        for arg in list {
            match arg.name.to_string().as_str() {
                "app" => {
                    has_app = true;
                    if let Some(app) = errors.check(arg.text()) {
                        if app.is_empty() || app.contains('.') {
                            errors.at(&arg.name, "an app's label is a word without dots, such as \"blog\"");
                        }
                        self.app = app;
                    }
                }
                "table" => self.table = errors.check(arg.text()),
                "ordering" => self.ordering = self.steps(arg, errors),
                "unique_together" => self.read_unique_together(arg, errors),
                "unique" => {
                    if let Some(unique) = self.unique(arg, errors) {
                        self.constraints.push(Constraint::Unique(unique));
                    }
                }
                "check" => self.read_check(arg, errors),
                "index" => {
                    if let Some(index) = self.index(arg, errors) {
                        self.indexes.push(index);
                    }
                }
                "comment" => self.comment = errors.check(arg.text()),
                "managed" => self.managed = errors.check(arg.flag()).unwrap_or(true),
                "proxy_for" => self.proxy_for = errors.check(arg.path()).cloned(),
                "verbose_name" => self.verbose_name = errors.check(arg.text()),
                "primary_key" | "crate" => {}
                other => errors.at(&arg.name, unknown("attribute", other, MODEL_ATTRIBUTES)),
            }
        }
        if !has_app {
            errors.at(&self.name, "a model belongs to an app: add `#[model(app = \"…\")]`");
        }
    }

    /// The key's fields: those that the struct names, the one that is marked, or `id`.
    fn read_primary_key(&mut self, list: &[Arg], marked: &[(usize, Ident)], errors: &mut Errors) {
        if let Some(arg) = list.iter().find(|arg| arg.name == "primary_key") {
            for (_, token) in marked {
                errors.at(token, "the struct's `primary_key = […]` names the key; remove this");
            }
            let names = self.field_list(arg, errors);
            self.primary_key = names.iter().filter_map(|name| self.position(name)).collect();
            return;
        }
        if let Some((_, token)) = marked.get(1) {
            errors.at(
                token,
                "a second primary key; for a key of several fields, use `#[model(primary_key = [a, b])]` on the struct",
            );
        }
        if let Some((position, _)) = marked.first() {
            self.primary_key = vec![*position];
            return;
        }
        let Some(position) = self.position("id") else {
            errors.at(&self.name, "no primary key: add `pub id: i64`, or mark a field `#[field(primary_key)]`");
            return;
        };
        self.primary_key = vec![position];
        let field = &mut self.fields[position];
        if let Shape::Column(column) = &mut field.shape
            && column.kind.is_none()
            && !field.nullable
        {
            column.kind = types::path_of(&column.base).and_then(Path::get_ident).and_then(|name| {
                let kind = match name.to_string().as_str() {
                    "i16" => "SmallAuto",
                    "i32" => "Auto",
                    "i64" => "BigAuto",
                    _ => return None,
                };
                Some(kind.to_owned())
            });
        }
    }

    /// Refuses a second way back of the same name from the same model, and leaves it away.
    fn check_ways_back(&mut self, errors: &mut Errors) {
        let mut seen: Vec<(Type, Option<String>)> = Vec::new();
        for field in &mut self.fields {
            let (to, related_name) = match &mut field.shape {
                Shape::Key(key) => (&key.to, &mut key.related_name),
                Shape::Many(many) if !many.symmetrical => (&many.to, &mut many.related_name),
                _ => continue,
            };
            let way = (to.clone(), related_name.clone());
            if related_name.as_deref() == Some("+") {
                continue;
            }
            if seen.contains(&way) {
                let problem = match related_name {
                    Some(name) => format!("`{name}` is another field's way back from the same model; choose another"),
                    None => {
                        "a second relation to this model: add `related_name = \"…\"`, or \"+\" for no way back".into()
                    }
                };
                errors.at(&field.ident, problem);
                *related_name = Some("+".to_owned());
            }
            seen.push(way);
        }
    }

    /// The index of the field of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// Whether the field's value comes from the database or the program where nothing is said.
    pub(crate) fn is_optional(&self, field: &Field) -> bool {
        field.nullable
            || field.default.is_some()
            || field.db_default.is_some()
            || field.auto_now
            || field.auto_now_add
            || field.is_auto()
    }

    fn known(&self, name: &Ident, errors: &mut Errors) -> Option<String> {
        let text = name.unraw().to_string();
        if self.position(&text).is_some() {
            return Some(text);
        }
        let choices: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        errors.at(name, unknown("field", &text, &choices));
        None
    }

    /// The fields in `name = [a, b]`.
    fn field_list(&self, arg: &Arg, errors: &mut Errors) -> Vec<String> {
        let elements = errors.check(arg.elements()).unwrap_or_default();
        self.field_names(elements.into_iter(), errors)
    }

    fn field_names<'a>(&self, elements: impl Iterator<Item = &'a Expr>, errors: &mut Errors) -> Vec<String> {
        let mut names = Vec::new();
        for element in elements {
            match word_of(element) {
                Some(name) => names.extend(self.known(name, errors)),
                None => errors.at(element, "a field's name is expected"),
            }
        }
        names
    }

    /// The steps in `name = [a, -b, c.d]`.
    fn steps(&self, arg: &Arg, errors: &mut Errors) -> Vec<Step> {
        let mut steps = Vec::new();
        for element in errors.check(arg.elements()).unwrap_or_default() {
            match step_of(element) {
                Some((descending, names)) => {
                    if names.first().is_some_and(|first| self.known(first, errors).is_some()) {
                        steps.push(Step { descending, names: names.into_iter().cloned().collect() });
                    }
                }
                None => errors.at(element, "expected a field, `-field` for the greatest first, or `relation.field`"),
            }
        }
        steps
    }

    fn read_unique_together(&mut self, arg: &Arg, errors: &mut Errors) {
        for group in errors.check(arg.elements()).unwrap_or_default() {
            match group {
                Expr::Tuple(tuple) => {
                    let names = self.field_names(tuple.elems.iter(), errors);
                    self.unique_together.push(names);
                }
                other => errors.at(other, "each group is in parentheses: `unique_together = [(a, b)]`"),
            }
        }
    }

    fn unique(&self, arg: &Arg, errors: &mut Errors) -> Option<Unique> {
        let list = self.parts("unique", arg, UNIQUE_ATTRIBUTES, errors)?;
        let over = match find(list, "fields") {
            Some(fields) => Some(Over::Fields(self.field_list(fields, errors))),
            None => expressions(list, errors),
        };
        let unique = Unique {
            name: required_name(arg, list, errors)?,
            over: both_or_none(arg, list, over, errors)?,
            condition: closure(list, "condition", errors),
            include: find(list, "include").map(|arg| self.field_list(arg, errors)).unwrap_or_default(),
            deferrable: find(list, "deferrable").and_then(|arg| {
                let word = errors.check(arg.word())?;
                match word.to_string().as_str() {
                    "deferred" => Some(true),
                    "immediate" => Some(false),
                    other => {
                        errors.at(word, unknown("time", other, &["deferred", "immediate"]));
                        None
                    }
                }
            }),
            nulls_distinct: find(list, "nulls_distinct").and_then(|arg| errors.check(arg.flag())),
        };
        Some(unique)
    }

    fn index(&self, arg: &Arg, errors: &mut Errors) -> Option<Index> {
        let list = self.parts("index", arg, INDEX_ATTRIBUTES, errors)?;
        let over = match find(list, "fields") {
            Some(fields) => Some(Over::Fields(self.steps(fields, errors))),
            None => expressions(list, errors),
        };
        let name = find(list, "name").and_then(|arg| errors.check(arg.text()));
        if name.is_none() && find(list, "name").is_none() {
            for needs in ["expressions", "condition", "include"] {
                if let Some(part) = find(list, needs) {
                    errors.at(&part.name, format!("an index with `{needs}` needs a name: add `name = \"…\"`"));
                    return None;
                }
            }
        }
        Some(Index {
            name,
            over: both_or_none(arg, list, over, errors)?,
            condition: closure(list, "condition", errors),
            include: find(list, "include").map(|arg| self.field_list(arg, errors)).unwrap_or_default(),
        })
    }

    fn read_check(&mut self, arg: &Arg, errors: &mut Errors) {
        let Some(list) = self.parts("check", arg, CHECK_ATTRIBUTES, errors) else { return };
        let name = required_name(arg, list, errors);
        let condition = closure(list, "condition", errors);
        if find(list, "condition").is_none() {
            errors.at(&arg.name, "a check has a condition: `condition = |m| m.a().gte(1)`");
        }
        if let (Some(name), Some(condition)) = (name, condition) {
            self.constraints.push(Constraint::Check { name, condition });
        }
    }

    fn parts<'a>(&self, what: &str, arg: &'a Arg, known: &[&str], errors: &mut Errors) -> Option<&'a [Arg]> {
        let list = errors.check(arg.list())?;
        refuse_repeats(list, &[], errors);
        for part in list {
            let name = part.name.to_string();
            if !known.contains(&name.as_str()) {
                errors.at(&part.name, unknown(&format!("attribute of `{what}`"), &name, known));
            }
        }
        Some(list)
    }
}

fn crate_path(list: &[Arg], errors: &mut Errors) -> Path {
    let given = find(list, "crate").and_then(|arg| {
        let text = errors.check(arg.text())?;
        let path = syn::parse_str::<Path>(&text).ok();
        if path.is_none() {
            errors.at(&arg.name, format!("`{text}` is no path of a crate"));
        }
        path
    });
    given.unwrap_or_else(crate::krate::path)
}

fn refuse_repeats(list: &[Arg], repeatable: &[&str], errors: &mut Errors) {
    for (position, arg) in list.iter().enumerate() {
        let name = arg.name.to_string();
        if !repeatable.contains(&name.as_str()) && list[..position].iter().any(|before| before.name == arg.name) {
            errors.at(&arg.name, format!("`{name}` is given twice"));
        }
    }
}

fn find<'a>(list: &'a [Arg], name: &str) -> Option<&'a Arg> {
    list.iter().find(|arg| arg.name == name)
}

fn required_name(arg: &Arg, list: &[Arg], errors: &mut Errors) -> Option<String> {
    match find(list, "name") {
        Some(name) => errors.check(name.text()),
        None => {
            errors.at(&arg.name, format!("a `{}` has a name: add `name = \"…\"`", arg.name));
            None
        }
    }
}

fn expressions<T>(list: &[Arg], errors: &mut Errors) -> Option<Over<T>> {
    closure(list, "expressions", errors).map(Over::Expressions)
}

fn both_or_none<T>(arg: &Arg, list: &[Arg], over: Option<Over<T>>, errors: &mut Errors) -> Option<Over<T>> {
    let (fields, expressions) = (find(list, "fields"), find(list, "expressions"));
    match (fields, expressions) {
        (Some(_), Some(second)) => errors.at(&second.name, "`fields` and `expressions` exclude one another"),
        (None, None) => {
            errors.at(&arg.name, "over what? add `fields = [a, b]`, or `expressions = |m| (lower(m.a()), m.b())`");
        }
        _ => {}
    }
    over
}

fn closure(list: &[Arg], name: &str, errors: &mut Errors) -> Option<Expr> {
    find(list, name).and_then(|arg| closure_of(arg, errors))
}

fn closure_of(arg: &Arg, errors: &mut Errors) -> Option<Expr> {
    match errors.check(arg.expression())? {
        closure @ Expr::Closure(_) => Some(closure.clone()),
        other => {
            errors.at(other, format!("`{}` is a closure over the model's fields: `|m| …`", arg.name));
            None
        }
    }
}

impl Field {
    /// Reads a field, and the token that makes it the primary key, if one does.
    fn read(field: &syn::Field, model: &Ident, errors: &mut Errors) -> (Field, Option<Ident>) {
        let ident = field.ident.clone().unwrap_or_else(|| Ident::new("_0", Span::call_site()));
        let list = args(&field.attrs, "field", errors);
        refuse_repeats(&list, &[], errors);
        let option = types::option_of(&field.ty);
        let ty = in_struct(option.unwrap_or(&field.ty), model);
        let mut read = Field {
            visibility: field.vis.clone(),
            name: ident.unraw().to_string(),
            docs: docs(&field.attrs),
            ty: if option.is_some() { parse_quote!(::core::option::Option<#ty>) } else { ty.clone() },
            broken: types::instead_of(&ty).is_some(),
            nullable: option.is_some(),
            shape: shape(ty, &field.ty, model, &list, errors),
            ident,
            column: None,
            unique: None,
            index: None,
            default: None,
            db_default: None,
            comment: None,
            auto_now: false,
            auto_now_add: false,
            collation: None,
            generated: None,
            verbose_name: None,
        };
        refuse_misplaced(&read.shape, &list, errors);
        for arg in &list {
            match arg.name.to_string().as_str() {
                "column" => read.column = errors.check(arg.text()),
                "unique" => read.unique = errors.check(arg.flag()),
                "index" => read.index = errors.check(arg.flag()),
                "default" => read.default = default(arg, errors),
                "db_default" => read.db_default = errors.check(arg.expression()).cloned(),
                "comment" => read.comment = errors.check(arg.text()),
                "auto_now" => read.auto_now = errors.check(arg.flag()).unwrap_or_default(),
                "auto_now_add" => read.auto_now_add = errors.check(arg.flag()).unwrap_or_default(),
                "collation" => read.collation = errors.check(arg.text()),
                "generated" | "generated_virtual" => {
                    let stored = arg.name == "generated";
                    read.generated = closure_of(arg, errors).map(|expression| Generated { expression, stored });
                }
                "verbose_name" => read.verbose_name = errors.check(arg.text()),
                name if FIELD_ATTRIBUTES.contains(&name) => {}
                other => errors.at(&arg.name, unknown("attribute", other, FIELD_ATTRIBUTES)),
            }
        }
        read.check(&list, errors);
        let primary_key =
            find(&list, "primary_key").filter(|arg| errors.check(arg.flag()) == Some(true)).map(|arg| arg.name.clone());
        if let (Some(token), true) = (&primary_key, read.nullable) {
            errors.at(token, "a primary key is never null: the type may not be an `Option`");
        }
        if let (Some(token), Shape::Many(_)) = (&primary_key, &read.shape) {
            errors.at(token, "a many-to-many relation has no column that could be a key");
        }
        (read, primary_key)
    }

    /// Whether the database numbers the rows by it.
    pub(crate) fn is_auto(&self) -> bool {
        matches!(&self.shape, Shape::Column(Column { kind: Some(kind), .. }) if kind.ends_with("Auto"))
    }

    /// Whether a row can be written with a value of its own here.
    pub(crate) fn is_writable(&self) -> bool {
        !self.broken && self.generated.is_none() && !matches!(self.shape, Shape::Many(_))
    }

    /// Combinations of attributes that make no sense.
    fn check(&self, list: &[Arg], errors: &mut Errors) {
        if let Shape::Column(column) = &self.shape {
            for name in ["auto_now", "auto_now_add"] {
                if let Some(arg) = find(list, name)
                    && column.holds.is_known()
                    && !column.holds.is_temporal()
                {
                    errors.at(&arg.name, format!("`{name}` is for `Timestamp`, `Date` and `Time`"));
                }
            }
            if let Some(arg) = find(list, "collation")
                && column.holds.is_known()
                && !column.holds.is_text()
            {
                errors.at(&arg.name, "`collation` is for text");
            }
        }
        if let (Some(_), Some(second)) = (find(list, "auto_now"), find(list, "auto_now_add")) {
            errors.at(&second.name, "`auto_now` and `auto_now_add` exclude one another");
        }
        if let Some(generated) = find(list, "generated").or(find(list, "generated_virtual")) {
            for other in ["default", "db_default", "auto_now", "auto_now_add", "primary_key"] {
                if let Some(arg) = find(list, other) {
                    errors.at(&arg.name, format!("`{}` says what is in the column; remove `{other}`", generated.name));
                }
            }
        }
        if let Shape::Key(key) = &self.shape {
            self.check_on_delete(key, list, errors);
        }
    }

    fn check_on_delete(&self, key: &Key, list: &[Arg], errors: &mut Errors) {
        let Some(arg) = find(list, "on_delete") else { return };
        let Ok(value) = arg.expression() else { return };
        let OnDelete::Plain(word) = &key.on_delete else { return };
        if word == "SetNull" && !self.nullable {
            errors.at(value, "`SetNull` needs a key that may be null: make the field's type `Option<ForeignKey<…>>`");
        }
        if word == "SetDefault" && self.default.is_none() && self.db_default.is_none() {
            errors.at(value, "`SetDefault` needs a default: add `default = …`");
        }
    }
}

/// The type with `Self` spelled out, since what is emitted stands outside of the struct.
fn in_struct(ty: &Type, model: &Ident) -> Type {
    let mut ty = ty.clone();
    replace_self(&mut ty, model);
    ty
}

fn replace_self(ty: &mut Type, model: &Ident) {
    let Type::Path(path) = ty else { return };
    if path.qself.is_none() && path.path.is_ident("Self") {
        let span = path.path.segments[0].ident.span();
        path.path.segments[0].ident = Ident::new(&model.to_string(), span);
        return;
    }
    for segment in &mut path.path.segments {
        if let syn::PathArguments::AngleBracketed(list) = &mut segment.arguments {
            for argument in &mut list.args {
                if let syn::GenericArgument::Type(inner) = argument {
                    replace_self(inner, model);
                }
            }
        }
    }
}

fn shape(ty: Type, whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    for (name, one_to_one) in [("ForeignKey", false), ("OneToOne", true)] {
        if let Some(of) = types::arguments_of(&ty, name) {
            return key(&of, one_to_one, whole, model, list, errors);
        }
    }
    if let Some(of) = types::arguments_of(&ty, "ManyToMany") {
        return many(&of, whole, model, list, errors);
    }
    Shape::Column(column(ty, whole, list, errors))
}

fn other_model(of: &[&Type], whole: &Type, model: &Ident, errors: &mut Errors) -> (Type, bool) {
    let to = match of.first() {
        Some(to) => (*to).clone(),
        None => {
            errors.at(whole, "which model? write it in angle brackets, such as `ForeignKey<User>`");
            parse_quote!(#model)
        }
    };
    let to_self = types::path_of(&to).is_some_and(|path| path.is_ident(model));
    (to, to_self)
}

fn key(of: &[&Type], one_to_one: bool, whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    let (to, to_self) = other_model(of, whole, model, errors);
    let on_delete = match find(list, "on_delete") {
        Some(arg) => errors.check(arg.expression()).and_then(|value| on_delete(value, errors)),
        None => {
            errors.at(
                whole,
                format!(
                    "say what happens to this row when the other is deleted: `#[field(on_delete = Cascade)]`; choices \
                     are {}",
                    ON_DELETE.join(", ")
                ),
            );
            None
        }
    };
    let to_field = find(list, "to_field").and_then(|arg| {
        let name = errors.check(arg.text())?;
        if syn::parse_str::<Ident>(&name).is_err() {
            errors.at(arg.expression().ok()?, format!("`{name}` cannot be the name of a field"));
            return None;
        }
        Some((name, &arg.name))
    });
    if let (Some((_, token)), None) = (&to_field, of.get(1)) {
        errors
            .at(token, "the key has the type of that field: write it as the second one, `ForeignKey<Target, String>`");
    }
    if let (None, Some(second)) = (&to_field, of.get(1)) {
        errors.at(
            second,
            "which field has this type? add `to_field = \"…\"`, or leave the type away for the primary key",
        );
    }
    Shape::Key(Box::new(Key {
        to,
        to_self,
        key: of.get(1).map(|ty| (*ty).clone()),
        one_to_one,
        on_delete: on_delete.unwrap_or_else(|| OnDelete::Plain(Ident::new("DoNothing", Span::call_site()))),
        to_field: to_field.map(|(name, _)| name),
        related_name: related_name(list, errors),
        constraint: flag(list, "constraint", errors).unwrap_or(true),
    }))
}

fn on_delete(value: &Expr, errors: &mut Errors) -> Option<OnDelete> {
    if let Expr::Call(call) = value
        && word_of(&call.func).is_some_and(|word| word == "Set")
    {
        return match call.args.first() {
            Some(function) if path_of(function).is_some() => Some(OnDelete::Set(function.clone())),
            _ => {
                errors.at(value, "`Set` takes the path of a function that gives the key");
                None
            }
        };
    }
    let known = &["Cascade", "Protect", "Restrict", "SetNull", "SetDefault", "DoNothing"];
    match word_of(value) {
        Some(word) if known.contains(&word.to_string().as_str()) => Some(OnDelete::Plain(word.clone())),
        Some(word) => {
            errors.at(word, unknown("choice", &word.to_string(), ON_DELETE));
            None
        }
        None => {
            errors.at(value, format!("`on_delete` is one of {}", ON_DELETE.join(", ")));
            None
        }
    }
}

fn many(of: &[&Type], whole: &Type, model: &Ident, list: &[Arg], errors: &mut Errors) -> Shape {
    if types::option_of(whole).is_some() {
        errors.at(whole, "a many-to-many relation is never null: leave the `Option` away");
    }
    let (to, to_self) = other_model(of, whole, model, errors);
    let symmetrical = flag(list, "symmetrical", errors);
    if let (Some(true), false, Some(arg)) = (symmetrical, to_self, find(list, "symmetrical")) {
        errors.at(&arg.name, "only a relation to the model itself can be symmetrical");
    }
    let through = find(list, "through").and_then(|arg| errors.check(arg.path()).cloned());
    if let (Some(_), Some(arg)) = (&through, find(list, "table")) {
        errors.at(&arg.name, "the table is that of the model between; set it there");
    }
    let through_fields = find(list, "through_fields").and_then(|arg| match errors.check(arg.expression())? {
        Expr::Tuple(tuple) if tuple.elems.len() == 2 => {
            let names: Vec<String> =
                tuple.elems.iter().filter_map(word_of).map(|name| name.unraw().to_string()).collect();
            <[String; 2]>::try_from(names).ok().map(|[here, there]| (here, there))
        }
        other => {
            errors.at(other, "two foreign keys of the model between: `through_fields = (here, there)`");
            None
        }
    });
    Shape::Many(Many {
        to,
        to_self,
        related_name: related_name(list, errors),
        constraint: flag(list, "constraint", errors).unwrap_or(true),
        through,
        through_fields,
        table: find(list, "table").and_then(|arg| errors.check(arg.text())),
        symmetrical: to_self && symmetrical.unwrap_or(true),
    })
}

/// The name of the way back: `+`, or what can be a method's name.
fn related_name(list: &[Arg], errors: &mut Errors) -> Option<String> {
    let arg = find(list, "related_name")?;
    let name = errors.check(arg.text())?;
    let method = [name.clone(), format!("r#{name}")].iter().any(|name| syn::parse_str::<Ident>(name).is_ok());
    if name != "+" && !method {
        errors.at(
            arg.expression().ok()?,
            format!("`{name}` cannot be the name of a method; choose another, or \"+\" for no way back"),
        );
        return Some("+".to_owned());
    }
    Some(name)
}

fn flag(list: &[Arg], name: &str, errors: &mut Errors) -> Option<bool> {
    find(list, name).and_then(|arg| errors.check(arg.flag()))
}

fn column(base: Type, whole: &Type, list: &[Arg], errors: &mut Errors) -> Column {
    if let Some(instead) = types::instead_of(&base) {
        errors.at(whole, format!("no column holds this type; use {instead}"));
    }
    let kind = find(list, "kind").and_then(|arg| errors.check(arg.word())).and_then(|word| {
        let name = word.to_string();
        if types::KINDS.contains(&name.as_str()) {
            return Some(word.clone());
        }
        errors.at(word, unknown("kind", &name, types::KINDS));
        None
    });
    let of_type = Holds::of(&base);
    let mut holds = of_type;
    if let Some(kind) = &kind {
        let of_kind = types::holds_kind(&kind.to_string());
        let fits = of_type == of_kind || (of_type.is_text() && of_kind.is_text());
        if of_type.is_known() && !fits {
            errors.at(kind, format!("a column of kind `{kind}` does not hold what the field's type is"));
        }
        holds = if of_type.is_known() { of_type } else { of_kind };
    }
    let max_length = find(list, "max_length").and_then(|arg| {
        if holds.is_known() && !holds.is_text() {
            errors.at(&arg.name, "`max_length` is for text");
            return None;
        }
        errors.check(arg.number())
    });
    let digits = digits(holds, whole, list, errors);
    Column { base, holds, kind: kind.map(|kind| kind.to_string()), max_length, digits }
}

fn digits(holds: Holds, whole: &Type, list: &[Arg], errors: &mut Errors) -> Option<(u16, u16)> {
    const DIGITS_OF_DECIMAL: u16 = 28;
    let (digits, places) = (find(list, "max_digits"), find(list, "decimal_places"));
    for arg in [digits, places].into_iter().flatten() {
        if holds.is_known() && !holds.is_decimal() {
            errors.at(&arg.name, format!("`{}` is for `Decimal` and `BigDecimal`", arg.name));
            return None;
        }
    }
    let (Some(digits), Some(places)) = (digits, places) else {
        if holds.is_decimal() {
            errors.at(whole, "a decimal needs its size: `#[field(max_digits = 12, decimal_places = 2)]`");
        }
        return None;
    };
    let max_digits: u16 = errors.check(digits.number())?;
    let decimal_places: u16 = errors.check(places.number())?;
    if decimal_places > max_digits {
        errors.at(&places.name, format!("{decimal_places} places do not fit into {max_digits} digits in all"));
    }
    if max_digits > DIGITS_OF_DECIMAL && holds == Holds::Decimal {
        errors.at(
            &digits.name,
            format!("a `Decimal` holds {DIGITS_OF_DECIMAL} digits, not {max_digits}; make the field a `BigDecimal`"),
        );
    }
    Some((max_digits, decimal_places))
}

fn refuse_misplaced(shape: &Shape, list: &[Arg], errors: &mut Errors) {
    for arg in list {
        let name = arg.name.to_string();
        let name = name.as_str();
        if !FIELD_ATTRIBUTES.contains(&name) {
            continue;
        }
        let relation_only = KEY_ONLY.contains(&name) || MANY_ONLY.contains(&name);
        let problem = match shape {
            Shape::Column(_) if relation_only || matches!(name, "related_name" | "constraint") => {
                "is for relations; this field is a column of its own"
            }
            Shape::Key(_) if COLUMN_ONLY.contains(&name) => "has no meaning on a key: the column is like the other's",
            Shape::Key(_) if MANY_ONLY.contains(&name) => "is for many-to-many relations",
            Shape::Many(_) if !OF_MANY.contains(&name) && name != "primary_key" => {
                "has no meaning on a many-to-many relation, which has no column"
            }
            _ => continue,
        };
        errors.at(&arg.name, format!("`{name}` {problem}"));
    }
}

fn default(arg: &Arg, errors: &mut Errors) -> Option<Default> {
    if matches!(arg.value, Value::Flag) {
        return Some(Default::OfType);
    }
    Some(match errors.check(arg.expression())? {
        expression @ (Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_) | Expr::Block(_)) => {
            Default::Computed(expression.clone())
        }
        expression => Default::Constant(expression.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &DeriveInput) -> (Option<Model>, Vec<String>) {
        let mut errors = Errors::default();
        let model = Model::read(input, &mut errors);
        (model, errors.messages())
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let (_, messages) = read(&parse_quote! {
            #[model(tabel = "x")]
            struct Post {
                #[field(max_length = 3)]
                pub views: i32,
                pub author: ForeignKey<User>,
                pub price: Decimal,
            }
        });
        let starts = [
            "`max_length` is for text",
            "say what happens to this row when the other is deleted",
            "a decimal needs its size",
            "unknown attribute `tabel`",
            "a model belongs to an app",
            "no primary key",
        ];
        assert_eq!(messages.len(), starts.len(), "{messages:#?}");
        for (message, start) in messages.iter().zip(starts) {
            assert!(message.starts_with(start), "{message} does not start with {start}");
        }
    }

    #[test]
    fn id_is_the_automatic_key_unless_another_is_named() {
        let (model, messages) = read(&parse_quote! {
            #[model(app = "a")]
            struct One { id: i32, name: String }
        });
        let model = model.expect("a model");
        assert!(messages.is_empty(), "{messages:?}");
        assert!(model.fields[0].is_auto());
        assert_eq!(model.primary_key, [0]);

        let (model, messages) = read(&parse_quote! {
            #[model(app = "a", primary_key = [tenant, number])]
            struct Two { id: i32, tenant: i32, number: i32 }
        });
        let model = model.expect("a model");
        assert!(messages.is_empty(), "{messages:?}");
        assert!(!model.fields[0].is_auto());
        assert_eq!(model.primary_key, [1, 2]);
    }
}
