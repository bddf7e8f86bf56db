//! The derives of `nuages-orm`: syntax (`parse`) becomes plain data (`model`), and that becomes code (`expand`).
//!
//! What is emitted is data and calls of generic functions: no `cfg`, no logic of its own. Every problem of a struct is
//! reported at once, on the token that has it.

mod choices;
mod document;
mod errors;
mod expand;
mod krate;
mod model;
mod parse;
mod selection;
mod types;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a model: a table, its typed fields for queries, and a builder for new rows.
///
/// ```
/// use nuages_orm::{ForeignKey, ManyToMany, Model, Slug, Timestamp};
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "auth")]
/// pub struct User {
///     pub id: i64,
///     #[field(max_length = 150, unique)]
///     pub username: String,
/// }
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "feed", ordering = [-created_at, -id], index(fields = [author, -created_at]))]
/// pub struct Post {
///     pub id: i64,
///     #[field(on_delete = Cascade, related_name = "posts")]
///     pub author: ForeignKey<User>,
///     #[field(max_length = 200)]
///     pub title: String,
///     #[field(unique)]
///     pub slug: Slug,
///     #[field(auto_now_add)]
///     pub created_at: Timestamp,
///     #[field(related_name = "liked_posts")]
///     pub likes: ManyToMany<User>,
/// }
///
/// let swing = Post::objects().filter(|p| p.author().username().eq("ada") & p.title().icontains("swing"));
/// let fans = User::objects().filter(|u| u.liked_posts().author().username().eq("ada"));
/// let new = Post::builder().author_id(1).title("Nuages").slug("nuages").build();
/// ```
///
/// # What it makes
/// For a struct `Post`: `impl Model for Post`; `PostFields`, the fields in queries; `PostBuilder`, had by
/// `Post::builder()`; and for each relation a trait with the way back, `UserHasPosts` for `related_name = "posts"` of a
/// key to `User`: `user.posts()` is a query on a row, `u.posts()` the fields in a query. Without `related_name` it has
/// Django's names: `u.post()` in queries (`UserHasPost`), `user.post_set()` on a row (`UserHasPostSet`).
///
/// # The struct
/// `#[model(…)]`, as Django's `Meta`:
///
/// | attribute | |
/// | --- | --- |
/// | `app = "feed"` | the app's label; required |
/// | `table = "…"` | the table, if not `<app>_<model>` |
/// | `ordering = [-created_at, author.username]` | the order of rows where a query names none; `-` for the greatest first; or `ordering = \|m\| (lower(m.title()).asc(), m.id().desc())` |
/// | `primary_key = [tenant, number]` | a key of several fields |
/// | `unique_together = [(a, b)]` | groups of fields that are unique together |
/// | `unique(name = "…", fields = [a, b])` | a unique constraint; or `expressions = \|m\| (lower(m.a()), m.b())`; and `condition = \|m\| …`, `alive`, `include = [c]`, `deferrable = deferred` or `immediate`, `nulls_distinct = false` |
/// | `check(name = "…", condition = \|m\| m.a().gte(1))` | a check constraint |
/// | `index(fields = [a, -b])` | an index; or `expressions = …`; and `name = "…"`, `condition = …`, `include = […]` |
/// | `natural_key = [username]` | the fields by which a fixture names a row without its key; they must be unique |
/// | `manager = Visible` | the default manager: what `Post::objects()` shows; a type that implements `Manager<Post>` |
/// | `managers(published = Published)` | others: `Post::published()` |
/// | `comment = "…"` | the table's comment |
/// | `managed = false` | migrations leave the table alone |
/// | `proxy_for = Target` | a second model on the table of `Target` |
/// | `verbose_name = "…"` | what a person calls one |
/// | `crate = "path"` | where the ORM is, if not found under `nuages` or `nuages_orm` |
///
/// # The fields
/// The type says the kind; `Option` is `NULL`. `pub id: i64` (`i32`, `i16`) is a key that the database numbers, unless
/// another field is the key. `#[field(…)]`:
///
/// | attribute | |
/// | --- | --- |
/// | `max_length = 200` | of texts, in characters; a `String` without is a `TextField` |
/// | `max_digits = 12, decimal_places = 2` | of decimals; required |
/// | `kind = Image` | another of the `Kind`s that the type fits, such as `Char`, `FilePath`, `PositiveSmallInteger`, `BigAuto` |
/// | `primary_key`, `unique`, `index`, `index = false` | keys and indexes; slugs and keys to other models are indexed |
/// | `default = 7`, `default = Uuid::new_v4()`, `default` | filled in by the program: a constant, a call for each row, or the type's `Default` |
/// | `db_default = 5`, `db_default = now()` | filled in by the database |
/// | `encrypted = bound` | of `Encrypted<…>`: bound to table, column and row; else a Fernet token |
/// | `blind_index` | of `Encrypted<…>`: a column `<column>_bidx` of digests, so that equal values are found |
/// | `sealed_for = "table.column"` | what the two are made for, where table or column were renamed since |
/// | `auto_now`, `auto_now_add` | the time of each save, or of the first |
/// | `unique_alive`, `unique_alive = "name"` | unique among the rows that are not marked as deleted |
/// | `soft_delete` | of a `bool` or an `Option<Timestamp>`: marks deleted rows, true or when |
/// | `slug_from = title`, `slug_unicode` | of a unique `Slug`: made from another field for new rows that are given none, with letters of all scripts or of ASCII alone |
/// | `generated = \|m\| m.a() + m.b()`, `generated_virtual = …` | computed by the database, stored or on reading |
/// | `schema = "schemas/post.json"` | of `Json<…>`: the JSON Schema of its documents (draft 2020-12), a file in the crate's folder or the schema itself, `"{…}"`; checked on every write; needs the feature `jsonschema` |
/// | `schema_version = 3, upgrade = function` | the version of documents that are written, and what brings older ones to the next version when they are read: `fn(from: u32, document: serde_json::Value) -> Result<serde_json::Value, E>` |
/// | `version_key = "v"` | the member that says the version of a document, `schema_version` if not set |
/// | `counts = "comments"` | how many rows a relation has, kept by the database whoever writes them: the way back of a key, or a many-to-many relation; or of some rows, `counts(of = "comments", where = \|c: Comment\| c.is_public().eq(true))` |
/// | `sums = "lines.amount"`, `latest = "comments.at"`, `earliest = …` | the sum, greatest or least of a field of these rows, kept likewise |
/// | `column = "…"`, `collation = "…"`, `comment = "…"`, `verbose_name = "…"` | names |
///
/// Of `ForeignKey<M>` and `OneToOne<M>`, where `M` may be `Self` or a model of another crate:
///
/// | attribute | |
/// | --- | --- |
/// | `on_delete = Cascade` | what happens to this row with the other: `Cascade`, `Protect`, `Restrict`, `SetNull`, `SetDefault`, `Set(function)`, `DoNothing`; required |
/// | `related_name = "posts"` | the way back; `"+"` for none |
/// | `to_field = "code"` | another unique field than the key, whose type is the second one: `ForeignKey<Target, String>` |
/// | `constraint = false` | the database does not enforce it |
///
/// Of `ManyToMany<M>`: `related_name`, `constraint`, `through = Membership`, `through_fields = (owner, target)`,
/// `table = "…"`, and for relations to the model itself `symmetrical = false`.
#[proc_macro_derive(Model, attributes(model, field))]
pub fn derive_model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let model = model::Model::read(&input, &mut errors);
    let code = model.map(|model| expand::expand(&model)).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}

/// Makes an enum without fields a field type: each variant is one of the values that a column may hold (Django's
/// `choices`).
///
/// The first part of `#[choice(…)]` is stored: texts as a `CharField` as long as the longest, numbers as an
/// `IntegerField`, unless the field's `max_length` or `kind` says otherwise. The second is the label for people. A row
/// with any other value is an error that names the choices.
///
/// ```
/// use nuages_orm::{Choices, FieldType, Value};
///
/// #[derive(Choices, Debug, Clone, Copy, PartialEq)]
/// pub enum Status {
///     #[choice("d", "Draft")]
///     Draft,
///     #[choice("p", "Published")]
///     Published,
/// }
///
/// assert_eq!(Status::Draft.label(), "Draft");
/// assert_eq!(Status::Draft.to_value(), Value::Text("d".into()));
/// ```
///
/// `#[choices(crate = "path")]` says where the ORM is, if not found under `nuages` or `nuages_orm`.
#[proc_macro_derive(Choices, attributes(choice, choices))]
pub fn derive_choices(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let choices = choices::Choices::read(&input, &mut errors);
    let code = choices.map(|choices| choices.expand()).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}

/// Makes a type one of JSON documents, whose members queries know by name: what stands in a `Json<…>`, and what stands in
/// that.
///
/// ```
/// use nuages_orm::{Document, Json, Model};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Document, Serialize, Deserialize, Debug, Clone)]
/// #[serde(rename_all = "camelCase")]
/// pub struct Meta {
///     pub first_author: Author,
///     pub tags: Vec<String>,
///     pub subtitle: Option<String>,
/// }
///
/// #[derive(Document, Serialize, Deserialize, Debug, Clone)]
/// pub struct Author {
///     pub name: String,
/// }
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Post {
///     pub id: i64,
///     pub meta: Json<Meta>,
/// }
///
/// // As Django's `meta__firstAuthor__name="Ada", meta__tags__0__icontains="x"`:
/// let found = Post::objects().filter(|p| {
///     p.meta().first_author().name().eq("Ada") & p.meta().tags().at(0).icontains("x")
/// });
/// let names = Post::objects().values(|p| (p.id(), p.meta().first_author().name(), p.meta().tags().len()));
/// # async fn run(db: &nuages_orm::Db) -> nuages_orm::Result<()> {
/// # let names = Post::objects().values(|p| (p.id(), p.meta().first_author().name(), p.meta().tags().len()));
/// let rows: Vec<(i64, Option<String>, Option<i32>)> = names.all(db).await?;
/// # Ok(())
/// # }
/// ```
///
/// A field is found by the name that serde writes: `rename` and `rename_all` are followed, `flatten` gives a field's
/// members as those around it, and a field that serde skips has no method. Where a function of yours writes a field
/// (`with`, `serialize_with`), or with `#[document(value)]` on it, it is had as a `serde_json::Value`. A struct around one
/// value is had as that value, an enum without fields as a text, an enum with fields as a `serde_json::Value`.
///
/// `#[document(method = name_)]` on a field names its method, where its own name is that of a lookup;
/// `#[document(crate = "path")]` on the type says where the ORM is, if not found under `nuages` or `nuages_orm`.
#[proc_macro_derive(Document, attributes(document))]
pub fn derive_document(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let document = document::Document::read(&input, &mut errors);
    let code = document.map(|document| document.expand()).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}

/// Makes a struct what rows become: its fields are columns, by name, in `values` and `annotate`.
///
/// For a struct `Reader` there is a `ReaderColumns` with the same fields, to be filled with expressions whose types must
/// be those of the fields. It may hold tuples and other selections.
///
/// ```
/// use nuages_orm::expr::count;
/// use nuages_orm::{ForeignKey, Model, Selection};
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Author {
///     pub id: i64,
///     pub name: String,
/// }
///
/// #[derive(Model, Debug, Clone)]
/// #[model(app = "blog")]
/// pub struct Post {
///     pub id: i64,
///     #[field(on_delete = Cascade, related_name = "posts")]
///     pub author: ForeignKey<Author>,
/// }
///
/// #[derive(Selection, Debug)]
/// pub struct Writer {
///     pub name: String,
///     pub posts: i64,
/// }
///
/// let writers = Author::objects().values(|a| WriterColumns { name: a.name(), posts: count(a.posts().id()) });
/// # async fn run(db: &nuages_orm::Db) -> nuages_orm::Result<()> {
/// # let writers = Author::objects().values(|a| WriterColumns { name: a.name(), posts: count(a.posts().id()) });
/// let all: Vec<Writer> = writers.all(db).await?;
/// # Ok(())
/// # }
/// ```
///
/// `#[selection(crate = "path")]` says where the ORM is, if not found under `nuages` or `nuages_orm`.
#[proc_macro_derive(Selection, attributes(selection))]
pub fn derive_selection(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let mut errors = errors::Errors::default();
    let selection = selection::Selection::read(&input, &mut errors);
    let code = selection.map(|selection| selection.expand()).unwrap_or_default();
    let errors = errors.into_tokens();
    quote::quote!(#errors #code).into()
}
