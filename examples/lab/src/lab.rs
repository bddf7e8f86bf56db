//! One model for each thing whose schema matters.

#![expect(missing_docs, reason = "the fields are those of the Django models, described there")]

use std::net::IpAddr;

use nuages::prelude::*;

use crate::contrib::User;

// --- primary keys ---

/// Numbered in 32 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct PkAuto {
    pub id: i32,
}

/// Numbered in 64 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct PkBig {
    pub id: i64,
}

/// Numbered in 16 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct PkSmall {
    pub id: i16,
}

/// A random key.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct PkUuid {
    #[field(primary_key, default = Uuid::new_v4())]
    pub id: Uuid,
}

/// A text as key.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct PkChar {
    #[field(max_length = 8, primary_key)]
    pub code: String,
}

/// A key of two fields.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", primary_key = [tenant, number])]
pub struct PkComposite {
    pub tenant: i32,
    pub number: i32,
    #[field(max_length = 10)]
    pub note: String,
}

// --- one model for each type of column: `v` is required, `n` may be null ---

/// 64 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TBigInteger {
    pub id: i64,
    pub v: i64,
    pub n: Option<i64>,
}

/// Bytes.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TBinary {
    pub id: i64,
    pub v: Vec<u8>,
    pub n: Option<Vec<u8>>,
}

/// True or false.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TBoolean {
    pub id: i64,
    pub v: bool,
    pub n: Option<bool>,
}

/// Text up to a length.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TChar {
    pub id: i64,
    #[field(max_length = 40)]
    pub v: String,
    #[field(max_length = 40)]
    pub n: Option<String>,
}

/// `varchar` without a length.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TCharUnlimited {
    pub id: i64,
    #[field(kind = Char)]
    pub v: String,
}

/// A calendar day.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TDate {
    pub id: i64,
    pub v: Date,
    pub n: Option<Date>,
}

/// A moment.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TDateTime {
    pub id: i64,
    pub v: Timestamp,
    pub n: Option<Timestamp>,
}

/// Decimals: of few digits, and of more than a `Decimal` holds.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TDecimal {
    pub id: i64,
    #[field(max_digits = 12, decimal_places = 4)]
    pub v: Decimal,
    #[field(max_digits = 30, decimal_places = 10)]
    pub n: Option<BigDecimal>,
}

/// A length of time.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TDuration {
    pub id: i64,
    pub v: Duration,
    pub n: Option<Duration>,
}

/// An e-mail address.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TEmail {
    pub id: i64,
    pub v: Email,
}

/// A file's name.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TFile {
    pub id: i64,
    pub v: FilePath,
}

/// A file's name, chosen from a folder.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TFilePath {
    pub id: i64,
    #[field(kind = FilePath)]
    pub v: FilePath,
}

/// A 64-bit float.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TFloat {
    pub id: i64,
    pub v: f64,
    pub n: Option<f64>,
}

/// A column that the database computes.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TGenerated {
    pub id: i64,
    pub a: i32,
    pub b: i32,
    #[field(generated = |m| m.a() + m.b())]
    pub total: i32,
}

/// An IP address.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TIP {
    pub id: i64,
    pub v: IpAddr,
    pub n: Option<IpAddr>,
}

/// An image's name.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TImage {
    pub id: i64,
    #[field(kind = Image)]
    pub v: FilePath,
}

/// 32 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TInteger {
    pub id: i64,
    pub v: i32,
    pub n: Option<i32>,
}

/// A JSON document.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TJSON {
    pub id: i64,
    pub v: Json,
    pub n: Option<Json>,
}

/// 63 bits, not negative.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TPositiveBig {
    pub id: i64,
    pub v: u64,
}

/// 31 bits, not negative.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TPositive {
    pub id: i64,
    pub v: u32,
}

/// 15 bits, not negative.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TPositiveSmall {
    pub id: i64,
    pub v: u16,
}

/// A slug.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TSlug {
    pub id: i64,
    pub v: Slug,
}

/// 16 bits.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TSmall {
    pub id: i64,
    pub v: i16,
}

/// Text of any length.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TText {
    pub id: i64,
    pub v: String,
    pub n: Option<String>,
}

/// A time of day.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TTime {
    pub id: i64,
    pub v: Time,
    pub n: Option<Time>,
}

/// A URL.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TURL {
    pub id: i64,
    pub v: Url,
}

/// A UUID.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct TUUID {
    pub id: i64,
    pub v: Uuid,
    pub n: Option<Uuid>,
}

// --- options of columns ---

/// A letter.
#[derive(Choices, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    #[choice("a", "A")]
    A,
    #[choice("b", "B")]
    B,
}

/// Every option of a column.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", comment = "every column option")]
pub struct Options {
    pub id: i64,
    #[field(unique)]
    pub uniq_int: i32,
    #[field(max_length = 20, unique)]
    pub uniq_char: String,
    #[field(unique)]
    pub uniq_text: String,
    #[field(index)]
    pub idx_int: i32,
    #[field(max_length = 20, index)]
    pub idx_char: String,
    #[field(index)]
    pub idx_text: String,
    #[field(index = false)]
    pub slug_noidx: Slug,
    #[field(max_length = 5, column = "Weird Column")]
    pub renamed: String,
    #[field(default = 7)]
    pub with_default: i32,
    #[field(db_default = 5)]
    pub db_def_int: i32,
    #[field(max_length = 9, db_default = "it's 5%")]
    pub db_def_str: String,
    #[field(db_default = now())]
    pub db_def_now: Timestamp,
    pub choice: Letter,
    #[field(comment = "counts 'things'")]
    pub commented: i32,
    #[field(auto_now)]
    pub auto_now: Timestamp,
    #[field(auto_now_add)]
    pub auto_add: Timestamp,
    #[field(unique)]
    pub pos_null: Option<u32>,
}

/// A table whose name has capitals.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", table = "lab_Collated")]
pub struct Collated {
    pub id: i64,
    #[field(max_length = 20)]
    pub name: String,
}

// --- relations ---

/// What the others refer to.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct Target {
    pub id: i64,
    #[field(max_length = 20)]
    pub name: String,
    #[field(max_length = 6, unique)]
    pub code: String,
}

fn sentinel() -> Option<i64> {
    None
}

/// Every answer to a deletion.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct FkEach {
    pub id: i64,
    #[field(on_delete = Cascade, related_name = "+")]
    pub cascade: ForeignKey<Target>,
    #[field(on_delete = Protect, related_name = "+")]
    pub protect: ForeignKey<Target>,
    #[field(on_delete = Restrict, related_name = "+")]
    pub restrict: ForeignKey<Target>,
    #[field(on_delete = SetNull, related_name = "+")]
    pub set_null: Option<ForeignKey<Target>>,
    #[field(on_delete = SetDefault, default = 1, related_name = "+")]
    pub set_default: ForeignKey<Target>,
    #[field(on_delete = Set(sentinel), related_name = "+")]
    pub set_value: Option<ForeignKey<Target>>,
    #[field(on_delete = DoNothing, related_name = "+")]
    pub do_nothing: ForeignKey<Target>,
}

/// Every option of a foreign key.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct FkOptions {
    pub id: i64,
    #[field(on_delete = Cascade, to_field = "code", related_name = "+")]
    pub by_code: ForeignKey<Target, String>,
    #[field(on_delete = DoNothing, constraint = false, related_name = "+")]
    pub no_constraint: ForeignKey<Target>,
    #[field(on_delete = Cascade, index = false, related_name = "+")]
    pub no_index: ForeignKey<Target>,
    #[field(on_delete = Cascade, unique, related_name = "+")]
    pub unique_fk: ForeignKey<Target>,
    #[field(on_delete = Cascade, column = "tgt", related_name = "+")]
    pub named: ForeignKey<Target>,
    #[field(on_delete = Cascade)]
    pub to_uuid: ForeignKey<PkUuid>,
    #[field(on_delete = Cascade)]
    pub to_char: ForeignKey<PkChar>,
    #[field(on_delete = Cascade)]
    pub to_small: ForeignKey<PkSmall>,
    #[field(on_delete = Cascade)]
    pub to_user: ForeignKey<User>,
}

/// Relations to the model itself.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct SelfRef {
    pub id: i64,
    #[field(on_delete = Cascade)]
    pub parent: Option<ForeignKey<Self>>,
    pub friends: ManyToMany<Self>,
    #[field(symmetrical = false, related_name = "followers")]
    pub follows: ManyToMany<Self>,
}

/// A key that no two rows share.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct OneToOne {
    pub id: i64,
    #[field(on_delete = Cascade)]
    pub target: nuages::prelude::OneToOne<Target>,
}

/// A key to another row that is the primary key too.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct OneToOnePk {
    #[field(on_delete = Cascade, primary_key)]
    pub target: nuages::prelude::OneToOne<Target>,
}

/// What a child extends.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct ParentModel {
    pub id: i64,
    #[field(max_length = 10)]
    pub title: String,
}

/// A child of another model: Django's inheritance, as the key that it is in the database.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct ChildModel {
    #[field(on_delete = Cascade, primary_key)]
    pub parentmodel_ptr: nuages::prelude::OneToOne<ParentModel>,
    #[field(max_length = 10)]
    pub extra: String,
}

/// Relations through automatic tables.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct M2MAuto {
    pub id: i64,
    pub targets: ManyToMany<Target>,
    pub uuids: ManyToMany<PkUuid>,
    pub chars: ManyToMany<PkChar>,
    #[field(table = "lab_custom_m2m", related_name = "+")]
    pub custom: ManyToMany<Target>,
}

/// A relation through a model.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct M2MThrough {
    pub id: i64,
    #[field(through = Membership)]
    pub members: ManyToMany<Target>,
}

/// The model between.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct Membership {
    pub id: i64,
    #[field(on_delete = Cascade)]
    pub owner: ForeignKey<M2MThrough>,
    #[field(on_delete = Cascade)]
    pub target: ForeignKey<Target>,
    pub joined: Date,
}

// --- constraints and indexes ---

/// Two fields, unique together.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", unique_together = [(a, b)])]
pub struct UniqueTogether {
    pub id: i64,
    pub a: i32,
    #[field(max_length = 5)]
    pub b: String,
}

/// Every option of a unique constraint.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab",
    unique(name = "lab_uc_plain", fields = [a, b]),
    unique(name = "lab_uc_cond", fields = [b], condition = |m| m.live().eq(true)),
    unique(name = "lab_uc_expr", expressions = |m| (lower(m.b()), m.a())),
    unique(name = "lab_uc_incl", fields = [c], include = [a]),
    unique(name = "lab_uc_defer", fields = [a, c], deferrable = deferred),
    unique(name = "lab_uc_immed", fields = [live, c], deferrable = immediate),
    unique(name = "lab_uc_nulls", fields = [c, b], nulls_distinct = false),
)]
pub struct Uniques {
    pub id: i64,
    pub a: i32,
    #[field(max_length = 5)]
    pub b: String,
    pub c: Option<i32>,
    #[field(default = true)]
    pub live: bool,
}

/// Every shape of a check.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab",
    check(name = "lab_ck_gte", condition = |m| m.a().gte(1)),
    check(name = "lab_ck_or", condition = |m| m.a().lt(m.b()) | m.b().is_null()),
    check(name = "lab_ck_in", condition = |m| m.s().in_(["x", "it's", "50%"])),
    check(name = "lab_ck_not", condition = |m| !m.s().eq("no")),
    check(name = "lab_ck_range", condition = |m| m.a().range(1, 9)),
    check(name = "lab_ck_like", condition = |m| m.s().starts_with("x%_")),
)]
pub struct Checks {
    pub id: i64,
    pub a: i32,
    pub b: Option<i32>,
    #[field(max_length = 10)]
    pub s: String,
}

/// Every shape of an index.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab",
    index(fields = [a, b]),
    index(fields = [-c]),
    index(fields = [a, -c], name = "lab_ix_named"),
    index(fields = [b], condition = |m| m.d().eq(true), name = "lab_ix_cond"),
    index(fields = [c], include = [a], name = "lab_ix_incl"),
    index(expressions = |m| (lower(m.b()).desc(), m.a()), name = "lab_ix_expr"),
)]
pub struct Indexes {
    pub id: i64,
    pub a: i32,
    #[field(max_length = 5)]
    pub b: String,
    pub c: Timestamp,
    #[field(default = false)]
    pub d: bool,
}

/// Names beyond every limit.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab",
    unique_together = [(a_rather_long_column_name_used_for_an_index, another_rather_long_column_name_for_the_pair)],
)]
pub struct AVeryLongModelNameThatGoesOnAndOnSoTheTableNameMustBeCutDown {
    pub id: i64,
    #[field(index)]
    pub a_rather_long_column_name_used_for_an_index: i32,
    pub another_rather_long_column_name_for_the_pair: i32,
    #[field(on_delete = Cascade)]
    pub an_equally_long_relation_name_pointing_at_target: ForeignKey<Target>,
    #[field(related_name = "+")]
    pub a_long_many_to_many_name: ManyToMany<Target>,
}

/// A table's name at the limit.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", table = "lab_a_table_whose_name_is_exactly_sixty_three_characters_long_x")]
pub struct LongAuto {
    pub id: i64,
    #[field(max_length = 9, index)]
    pub a_rather_long_column_name_used_for_an_index: String,
}

// --- models without a plain table of their own ---

/// A model with a name for people.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", verbose_name = "fancy thing")]
pub struct WithPerms {
    pub id: i64,
    #[field(max_length = 10)]
    pub title: String,
}

/// A second model on the table of `Target`.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", proxy_for = Target, verbose_name = "proxied target")]
pub struct ProxyTarget {
    pub id: i64,
    #[field(max_length = 20)]
    pub name: String,
    #[field(max_length = 6, unique)]
    pub code: String,
}

/// A model whose table something else makes.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab", managed = false, table = "lab_unmanaged_view")]
pub struct Unmanaged {
    pub id: i64,
    #[field(max_length = 10)]
    pub title: String,
}

/// A shelf.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct Shelf {
    pub id: i64,
    #[field(max_length = 20)]
    pub name: String,
}

/// A book on a shelf.
#[derive(Model, Debug, Clone, PartialEq)]
#[model(app = "lab")]
pub struct Book {
    pub id: i64,
    #[field(on_delete = Cascade)]
    pub shelf: ForeignKey<Shelf>,
    #[field(max_length = 20)]
    pub title: String,
    #[field(default = 1, verbose_name = "number of pages")]
    pub pages: i32,
}
