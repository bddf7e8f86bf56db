//! Written by `inspectdb`, from the tables of a database.
//!
//! What is not in the tables is not here: names for people, choices, orders, defaults that the program fills in,
//! `auto_now`, and what happens on deletion. Every key says `DoNothing`: the database refuses to let it dangle.

/// The models of `admin`.
pub mod admin {
    use nuages::prelude::*;

    /// A row of `django_admin_log`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "admin", table = "django_admin_log")]
    pub struct LogEntry {
        pub id: i64,
        pub object_id: Option<String>,
        #[field(max_length = 200)]
        pub object_repr: String,
        pub action_flag: u16,
        pub change_message: String,
        #[field(on_delete = DoNothing)]
        pub content_type: Option<ForeignKey<super::contenttypes::ContentType>>,
        #[field(on_delete = DoNothing)]
        pub user: ForeignKey<super::auth::User>,
        pub action_time: Timestamp,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new().with::<LogEntry>()
    }
}

/// The models of `auth`.
pub mod auth {
    use nuages::prelude::*;

    /// A row of `auth_group`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "auth")]
    pub struct Group {
        pub id: i32,
        #[field(max_length = 150, unique)]
        pub name: String,
        pub permissions: ManyToMany<Permission>,
    }

    /// A row of `auth_permission`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "auth", unique_together = [(content_type, codename)])]
    pub struct Permission {
        pub id: i32,
        #[field(on_delete = DoNothing)]
        pub content_type: ForeignKey<super::contenttypes::ContentType>,
        #[field(max_length = 100)]
        pub codename: String,
        #[field(max_length = 255)]
        pub name: String,
    }

    /// A row of `auth_user`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "auth")]
    pub struct User {
        pub id: i32,
        #[field(max_length = 128)]
        pub password: String,
        pub last_login: Option<Timestamp>,
        pub is_superuser: bool,
        #[field(max_length = 150, unique)]
        pub username: String,
        #[field(max_length = 150)]
        pub last_name: String,
        #[field(max_length = 254)]
        pub email: String,
        pub is_staff: bool,
        pub is_active: bool,
        pub date_joined: Timestamp,
        #[field(max_length = 150)]
        pub first_name: String,
        pub groups: ManyToMany<Group>,
        pub user_permissions: ManyToMany<Permission>,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new().with::<Group>().with::<Permission>().with::<User>()
    }
}

/// The models of `contenttypes`.
pub mod contenttypes {
    use nuages::prelude::*;

    /// A row of `django_content_type`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "contenttypes", table = "django_content_type", unique_together = [(app_label, model)])]
    pub struct ContentType {
        pub id: i32,
        #[field(max_length = 100)]
        pub app_label: String,
        #[field(max_length = 100)]
        pub model: String,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new().with::<ContentType>()
    }
}

/// The models of `lab`.
pub mod lab {
    use nuages::prelude::*;

    /// A row of `lab_Collated`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab", table = "lab_Collated")]
    pub struct Collated {
        pub id: i64,
        #[field(max_length = 20)]
        pub name: String,
    }

    /// A row of `lab_a_table_whose_name_is_exactly_sixty_three_characters_long_x`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab", table = "lab_a_table_whose_name_is_exactly_sixty_three_characters_long_x")]
    pub struct ATableWhoseNameIsExactlySixtyThreeCharactersLongX {
        pub id: i64,
        #[field(max_length = 9, index)]
        pub a_rather_long_column_name_used_for_an_index: String,
    }

    /// A row of `lab_averylongmodelnamethatgoesonandonsothetablenamemustbecutdown`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(
        app = "lab",
        unique_together = [(a_rather_long_column_name_used_for_an_index, another_rather_long_column_name_for_the_pair)],
    )]
    pub struct Averylongmodelnamethatgoesonandonsothetablenamemustbecutdown {
        pub id: i64,
        #[field(index)]
        pub a_rather_long_column_name_used_for_an_index: i32,
        pub another_rather_long_column_name_for_the_pair: i32,
        #[field(on_delete = DoNothing)]
        pub an_equally_long_relation_name_pointing_at_target: ForeignKey<Target>,
        #[field(
            related_name = "averylongmodelnamethatgoesonandonsothetablenamemustbecutdown_a_long_many_to_many_name_set"
        )]
        pub a_long_many_to_many_name: ManyToMany<Target>,
    }

    /// A row of `lab_book`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Book {
        pub id: i64,
        #[field(on_delete = DoNothing)]
        pub shelf: ForeignKey<Shelf>,
        #[field(max_length = 20)]
        pub title: String,
        pub pages: i32,
    }

    /// A row of `lab_checks`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(
        app = "lab",
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

    /// A row of `lab_childmodel`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Childmodel {
        #[field(primary_key, on_delete = DoNothing)]
        pub parentmodel_ptr: OneToOne<Parentmodel>,
        #[field(max_length = 10)]
        pub extra: String,
    }

    /// A row of `lab_fkeach`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Fkeach {
        pub id: i64,
        #[field(on_delete = DoNothing)]
        pub cascade: ForeignKey<Target>,
        #[field(on_delete = DoNothing, related_name = "fkeach_protect_set")]
        pub protect: ForeignKey<Target>,
        #[field(on_delete = DoNothing, related_name = "fkeach_restrict_set")]
        pub restrict: ForeignKey<Target>,
        #[field(on_delete = DoNothing, related_name = "fkeach_set_null_set")]
        pub set_null: Option<ForeignKey<Target>>,
        #[field(on_delete = DoNothing, related_name = "fkeach_set_default_set")]
        pub set_default: ForeignKey<Target>,
        #[field(on_delete = DoNothing, related_name = "fkeach_set_value_set")]
        pub set_value: Option<ForeignKey<Target>>,
        #[field(on_delete = DoNothing, related_name = "fkeach_do_nothing_set")]
        pub do_nothing: ForeignKey<Target>,
    }

    /// A row of `lab_fkoptions`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Fkoptions {
        pub id: i64,
        #[field(on_delete = DoNothing, to_field = "code")]
        pub by_code: ForeignKey<Target, String>,
        #[field(index)]
        pub no_constraint_id: i64,
        #[field(on_delete = DoNothing, related_name = "fkoptions_no_index_set", index = false)]
        pub no_index: ForeignKey<Target>,
        #[field(on_delete = DoNothing, related_name = "fkoptions_unique_fk_set")]
        pub unique_fk: OneToOne<Target>,
        #[field(on_delete = DoNothing, related_name = "fkoptions_tgt_set", column = "tgt")]
        pub tgt: ForeignKey<Target>,
        #[field(on_delete = DoNothing)]
        pub to_uuid: ForeignKey<Pkuuid>,
        #[field(on_delete = DoNothing)]
        pub to_char: ForeignKey<Pkchar>,
        #[field(on_delete = DoNothing)]
        pub to_small: ForeignKey<Pksmall>,
        #[field(on_delete = DoNothing)]
        pub to_user: ForeignKey<super::auth::User>,
    }

    /// A row of `lab_indexes`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(
        app = "lab",
        index(fields = [a, b]),
        index(fields = [-c]),
        index(fields = [a, -c], name = "lab_ix_named"),
        index(fields = [b], name = "lab_ix_cond", condition = |m| m.d().eq(true)),
        index(fields = [c], name = "lab_ix_incl"),
        index(expressions = |m| (lower(m.b()).desc(), m.a()), name = "lab_ix_expr"),
    )]
    pub struct Indexes {
        pub id: i64,
        pub a: i32,
        #[field(max_length = 5)]
        pub b: String,
        pub c: Timestamp,
        pub d: bool,
    }

    /// A row of `lab_m2mauto`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct M2mauto {
        pub id: i64,
        #[field(table = "lab_custom_m2m")]
        pub custom_m2m: ManyToMany<Target>,
        pub chars: ManyToMany<Pkchar>,
        #[field(related_name = "m2mauto_targets_set")]
        pub targets: ManyToMany<Target>,
        pub uuids: ManyToMany<Pkuuid>,
    }

    /// A row of `lab_m2mthrough`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct M2mthrough {
        pub id: i64,
    }

    /// A row of `lab_membership`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Membership {
        pub id: i64,
        #[field(on_delete = DoNothing)]
        pub owner: ForeignKey<M2mthrough>,
        #[field(on_delete = DoNothing)]
        pub target: ForeignKey<Target>,
        pub joined: Date,
    }

    /// A row of `lab_onetoone`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Onetoone {
        pub id: i64,
        #[field(on_delete = DoNothing)]
        pub target: OneToOne<Target>,
    }

    /// A row of `lab_onetoonepk`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Onetoonepk {
        #[field(primary_key, on_delete = DoNothing)]
        pub target: OneToOne<Target>,
    }

    /// A row of `lab_options`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
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
        #[field(max_length = 50)]
        pub slug_noidx: String,
        #[field(max_length = 5, column = "Weird Column")]
        pub weird_column: String,
        pub with_default: i32,
        #[field(db_default = 5)]
        pub db_def_int: i32,
        #[field(max_length = 9, db_default = "it's 5%")]
        pub db_def_str: String,
        #[field(db_default = now())]
        pub db_def_now: Timestamp,
        #[field(max_length = 1)]
        pub choice: String,
        pub commented: i32,
        pub auto_now: Timestamp,
        pub auto_add: Timestamp,
        #[field(unique)]
        pub pos_null: Option<u32>,
    }

    /// A row of `lab_parentmodel`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Parentmodel {
        pub id: i64,
        #[field(max_length = 10)]
        pub title: String,
    }

    /// A row of `lab_pkauto`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Pkauto {
        pub id: i64,
    }

    /// A row of `lab_pkbig`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Pkbig {
        pub id: i64,
    }

    /// A row of `lab_pkchar`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Pkchar {
        #[field(primary_key, max_length = 8)]
        pub code: String,
    }

    /// A row of `lab_pkcomposite`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab", primary_key = [tenant, number])]
    pub struct Pkcomposite {
        pub tenant: i32,
        pub number: i32,
        #[field(max_length = 10)]
        pub note: String,
    }

    /// A row of `lab_pksmall`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Pksmall {
        pub id: i16,
    }

    /// A row of `lab_pkuuid`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Pkuuid {
        #[field(primary_key)]
        pub id: Uuid,
    }

    /// A row of `lab_selfref`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Selfref {
        pub id: i64,
        #[field(on_delete = DoNothing)]
        pub parent: Option<ForeignKey<Self>>,
        // If it holds both ways, leave away `symmetrical` and the way back.
        #[field(symmetrical = false, related_name = "selfref_follows_set")]
        pub follows: ManyToMany<Self>,
        // If it holds both ways, leave away `symmetrical` and the way back.
        #[field(symmetrical = false, related_name = "selfref_friends_set")]
        pub friends: ManyToMany<Self>,
    }

    /// A row of `lab_shelf`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Shelf {
        pub id: i64,
        #[field(max_length = 20)]
        pub name: String,
    }

    /// A row of `lab_target`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Target {
        pub id: i64,
        #[field(max_length = 20)]
        pub name: String,
        #[field(max_length = 6, unique)]
        pub code: String,
    }

    /// A row of `lab_tbiginteger`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tbiginteger {
        pub id: i64,
        pub v: i64,
        pub n: Option<i64>,
    }

    /// A row of `lab_tbinary`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tbinary {
        pub id: i64,
        pub v: Vec<u8>,
        pub n: Option<Vec<u8>>,
    }

    /// A row of `lab_tboolean`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tboolean {
        pub id: i64,
        pub v: bool,
        pub n: Option<bool>,
    }

    /// A row of `lab_tchar`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tchar {
        pub id: i64,
        #[field(max_length = 40)]
        pub v: String,
        #[field(max_length = 40)]
        pub n: Option<String>,
    }

    /// A row of `lab_tcharunlimited`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tcharunlimited {
        pub id: i64,
        #[field(kind = Char)]
        pub v: String,
    }

    /// A row of `lab_tdate`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tdate {
        pub id: i64,
        pub v: Date,
        pub n: Option<Date>,
    }

    /// A row of `lab_tdatetime`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tdatetime {
        pub id: i64,
        pub v: Timestamp,
        pub n: Option<Timestamp>,
    }

    /// A row of `lab_tdecimal`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tdecimal {
        pub id: i64,
        // SQLite does not keep the number of digits: set those that are meant.
        #[field(max_digits = 30, decimal_places = 10)]
        pub v: BigDecimal,
        // SQLite does not keep the number of digits: set those that are meant.
        #[field(max_digits = 30, decimal_places = 10)]
        pub n: Option<BigDecimal>,
    }

    /// A row of `lab_tduration`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tduration {
        pub id: i64,
        pub v: i64,
        pub n: Option<i64>,
    }

    /// A row of `lab_temail`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Temail {
        pub id: i64,
        #[field(max_length = 254)]
        pub v: String,
    }

    /// A row of `lab_tfile`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tfile {
        pub id: i64,
        #[field(max_length = 100)]
        pub v: String,
    }

    /// A row of `lab_tfilepath`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tfilepath {
        pub id: i64,
        #[field(max_length = 100)]
        pub v: String,
    }

    /// A row of `lab_tfloat`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tfloat {
        pub id: i64,
        pub v: f64,
        pub n: Option<f64>,
    }

    /// A row of `lab_tgenerated`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tgenerated {
        pub id: i64,
        pub a: i32,
        pub b: i32,
        #[field(generated = |m| m.a() + m.b())]
        pub total: i32,
    }

    /// A row of `lab_timage`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Timage {
        pub id: i64,
        #[field(max_length = 100)]
        pub v: String,
    }

    /// A row of `lab_tinteger`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tinteger {
        pub id: i64,
        pub v: i32,
        pub n: Option<i32>,
    }

    /// A row of `lab_tip`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tip {
        pub id: i64,
        pub v: std::net::IpAddr,
        pub n: Option<std::net::IpAddr>,
    }

    /// A row of `lab_tjson`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tjson {
        pub id: i64,
        pub v: Json,
        pub n: Option<Json>,
    }

    /// A row of `lab_tpositive`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tpositive {
        pub id: i64,
        pub v: u32,
    }

    /// A row of `lab_tpositivebig`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tpositivebig {
        pub id: i64,
        pub v: u64,
    }

    /// A row of `lab_tpositivesmall`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tpositivesmall {
        pub id: i64,
        pub v: u16,
    }

    /// A row of `lab_tslug`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tslug {
        pub id: i64,
        #[field(max_length = 50, index)]
        pub v: String,
    }

    /// A row of `lab_tsmall`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tsmall {
        pub id: i64,
        pub v: i16,
    }

    /// A row of `lab_ttext`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Ttext {
        pub id: i64,
        pub v: String,
        pub n: Option<String>,
    }

    /// A row of `lab_ttime`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Ttime {
        pub id: i64,
        pub v: Time,
        pub n: Option<Time>,
    }

    /// A row of `lab_turl`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Turl {
        pub id: i64,
        #[field(max_length = 200)]
        pub v: String,
    }

    /// A row of `lab_tuuid`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Tuuid {
        pub id: i64,
        pub v: Uuid,
        pub n: Option<Uuid>,
    }

    /// A row of `lab_uniques`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(
        app = "lab",
        unique(name = "lab_uc_plain", fields = [a, b]),
        unique(name = "lab_uc_cond", fields = [b], condition = |m| m.live().eq(true)),
        unique(name = "lab_uc_expr", expressions = |m| (lower(m.b()), m.a())),
    )]
    pub struct Uniques {
        pub id: i64,
        pub a: i32,
        #[field(max_length = 5)]
        pub b: String,
        pub c: Option<i32>,
        pub live: bool,
    }

    /// A row of `lab_uniquetogether`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab", unique_together = [(a, b)])]
    pub struct Uniquetogether {
        pub id: i64,
        pub a: i32,
        #[field(max_length = 5)]
        pub b: String,
    }

    /// A row of `lab_withperms`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "lab")]
    pub struct Withperms {
        pub id: i64,
        #[field(max_length = 10)]
        pub title: String,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new()
            .with::<Collated>()
            .with::<ATableWhoseNameIsExactlySixtyThreeCharactersLongX>()
            .with::<Averylongmodelnamethatgoesonandonsothetablenamemustbecutdown>()
            .with::<Book>()
            .with::<Checks>()
            .with::<Childmodel>()
            .with::<Fkeach>()
            .with::<Fkoptions>()
            .with::<Indexes>()
            .with::<M2mauto>()
            .with::<M2mthrough>()
            .with::<Membership>()
            .with::<Onetoone>()
            .with::<Onetoonepk>()
            .with::<Options>()
            .with::<Parentmodel>()
            .with::<Pkauto>()
            .with::<Pkbig>()
            .with::<Pkchar>()
            .with::<Pkcomposite>()
            .with::<Pksmall>()
            .with::<Pkuuid>()
            .with::<Selfref>()
            .with::<Shelf>()
            .with::<Target>()
            .with::<Tbiginteger>()
            .with::<Tbinary>()
            .with::<Tboolean>()
            .with::<Tchar>()
            .with::<Tcharunlimited>()
            .with::<Tdate>()
            .with::<Tdatetime>()
            .with::<Tdecimal>()
            .with::<Tduration>()
            .with::<Temail>()
            .with::<Tfile>()
            .with::<Tfilepath>()
            .with::<Tfloat>()
            .with::<Tgenerated>()
            .with::<Timage>()
            .with::<Tinteger>()
            .with::<Tip>()
            .with::<Tjson>()
            .with::<Tpositive>()
            .with::<Tpositivebig>()
            .with::<Tpositivesmall>()
            .with::<Tslug>()
            .with::<Tsmall>()
            .with::<Ttext>()
            .with::<Ttime>()
            .with::<Turl>()
            .with::<Tuuid>()
            .with::<Uniques>()
            .with::<Uniquetogether>()
            .with::<Withperms>()
    }
}

/// The models of `sessions`.
pub mod sessions {
    use nuages::prelude::*;

    /// A row of `django_session`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "sessions", table = "django_session")]
    pub struct Session {
        #[field(primary_key, max_length = 40)]
        pub session_key: String,
        pub session_data: String,
        #[field(index)]
        pub expire_date: Timestamp,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new().with::<Session>()
    }
}

/// The models of `sites`.
pub mod sites {
    use nuages::prelude::*;

    /// A row of `django_site`.
    #[derive(Model, Debug, Clone, PartialEq)]
    #[model(app = "sites", table = "django_site")]
    pub struct Site {
        pub id: i64,
        #[field(max_length = 50)]
        pub name: String,
        #[field(max_length = 100, unique)]
        pub domain: String,
    }

    /// All of these, for `.models(…)` of the app.
    pub fn models() -> Models {
        Models::new().with::<Site>()
    }
}
