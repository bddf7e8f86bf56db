//! From a struct's syntax to a [`Model`], with everything that is wrong with it.

pub(crate) mod attribute;
mod field;
mod rollup;
mod schema;
mod shape;
mod slug;

use attribute::{Arg, args, step_of, word_of};
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Expr, Fields, Ident, Path, Type};

use crate::errors::{Errors, unknown};
use crate::model::{Constraint, Field, Index, Model, Over, Shape, Step, Unique};
use crate::types;

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
    "natural_key",
    "manager",
    "managers",
    "verbose_name",
    "crate",
];

/// Functions of a model that no manager can have the name of.
const RESERVED: &[&str] = &["objects", "all_objects", "deleted_objects", "builder", "definition"];

const UNIQUE_ATTRIBUTES: &[&str] =
    &["name", "fields", "expressions", "condition", "alive", "include", "deferrable", "nulls_distinct"];

/// Bytes of a name that PostgreSQL keeps.
const NAME_LIMIT: usize = 63;

const INDEX_ATTRIBUTES: &[&str] = &["name", "fields", "expressions", "condition", "include"];

const CHECK_ATTRIBUTES: &[&str] = &["name", "condition"];

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
            ordering: Over::Fields(Vec::new()),
            unique_together: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            comment: None,
            managed: true,
            proxy_for: None,
            verbose_name: None,
            natural_key: Vec::new(),
            manager: None,
            managers: Vec::new(),
        };
        let mut marked = Vec::new();
        for field in &named.named {
            let (field, primary_key) = Field::read(field, &input.ident, errors);
            if let Some(token) = primary_key {
                marked.push((model.fields.len(), token));
            }
            model.fields.push(field);
        }
        for field in model.indexed_blindly() {
            let name = format!("{}_bidx", field.name);
            if let Some(other) = model.fields.iter().find(|other| other.name == name) {
                errors
                    .at(&other.ident, format!("`{name}` is the blind index of `{}`; choose another name", field.name));
            }
        }
        model.check_ways_back(errors);
        model.check_soft_delete(errors);
        model.read_attributes(&list, errors);
        model.add_unique_alive(errors);
        model.read_primary_key(&list, &marked, errors);
        slug::check(&model, errors);
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
                "ordering" if arg.is_closure() => {
                    if let Some(closure) = closure_of(arg, errors) {
                        self.ordering = Over::Expressions(closure);
                    }
                }
                "ordering" => self.ordering = Over::Fields(self.steps(arg, errors)),
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
                "manager" => self.manager = errors.check(arg.path()).cloned(),
                "managers" => self.read_managers(arg, errors),
                "natural_key" => self.natural_key = self.field_list(arg, errors),
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

    /// Refuses a second field that marks deleted rows, and leaves the first.
    fn check_soft_delete(&mut self, errors: &mut Errors) {
        for field in self.fields.iter_mut().filter(|field| field.soft_delete).skip(1) {
            errors.at(&field.ident, "a second field that marks deleted rows: one says it all");
            field.soft_delete = false;
        }
    }

    /// Adds a constraint for each field that is unique among living rows.
    fn add_unique_alive(&mut self, errors: &mut Errors) {
        let mut constraints = Vec::new();
        for field in &self.fields {
            let Some((token, name)) = &field.unique_alive else { continue };
            self.check_alive(token, errors);
            let name = name.clone().unwrap_or_else(|| {
                format!("{}_{}_{}_alive", self.app, self.name.to_string().to_lowercase(), field.name)
            });
            if name.len() > NAME_LIMIT {
                let problem =
                    format!("`{name}` is too long a name; give one of {NAME_LIMIT} bytes: `unique_alive = \"…\"`");
                errors.at(token, problem);
            }
            constraints.push(Constraint::Unique(Unique {
                name,
                over: Over::Fields(vec![field.name.clone()]),
                condition: None,
                alive: true,
                include: Vec::new(),
                deferrable: None,
                nulls_distinct: None,
            }));
        }
        self.constraints.splice(0..0, constraints);
    }

    fn check_alive(&self, token: &Ident, errors: &mut Errors) {
        if self.soft_delete().is_none() {
            errors.at(
                token,
                format!("`{token}` is for models whose deleted rows are marked: mark a field `#[field(soft_delete)]`"),
            );
        }
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

    fn read_managers(&mut self, arg: &Arg, errors: &mut Errors) {
        let list = errors.check(arg.list()).unwrap_or_default();
        refuse_repeats(list, &[], errors);
        for manager in list {
            let name = manager.name.unraw().to_string();
            if RESERVED.contains(&name.as_str()) {
                errors.at(&manager.name, format!("every model has a `{name}` already; choose another name"));
                continue;
            }
            if let Some(path) = errors.check(manager.path()) {
                self.managers.push((manager.name.clone(), path.clone()));
            }
        }
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
        if let Some(alive) = find(list, "alive") {
            self.check_alive(&alive.name, errors);
        }
        let unique = Unique {
            name: required_name(arg, list, errors)?,
            over: both_or_none(arg, list, over, errors)?,
            condition: closure(list, "condition", errors),
            alive: flag(list, "alive", errors) == Some(true),
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

fn flag(list: &[Arg], name: &str, errors: &mut Errors) -> Option<bool> {
    find(list, name).and_then(|arg| errors.check(arg.flag()))
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

#[cfg(test)]
mod tests {
    use syn::parse_quote;

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
