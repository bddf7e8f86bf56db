//! Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("lab", "0001_initial")
        .after("auth", "0001_initial")
        .create_model(
            ModelDef::new("lab", "Unmanaged")
                .table("lab_unmanaged_view")
                .managed(false)
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("title", Kind::Char { max_length: Some(10) }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "ParentModel")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("title", Kind::Char { max_length: Some(10) }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Collated")
                .table("lab_Collated")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("name", Kind::Char { max_length: Some(20) }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "LongAuto")
                .table("lab_a_table_whose_name_is_exactly_sixty_three_characters_long_x")
                .field(Field::new("id", Kind::BigAuto))
                .field(
                    Field::new("a_rather_long_column_name_used_for_an_index", Kind::Char { max_length: Some(9) })
                        .index(true),
                )
                .primary_key("id"),
        )
        .create_model(ModelDef::new("lab", "M2MThrough").field(Field::new("id", Kind::BigAuto)).primary_key("id"))
        .create_model(
            ModelDef::new("lab", "Target")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("name", Kind::Char { max_length: Some(20) }))
                .field(Field::new("code", Kind::Char { max_length: Some(6) }).unique(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Options")
                .comment("every column option")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("uniq_int", Kind::Integer).unique(true))
                .field(Field::new("uniq_char", Kind::Char { max_length: Some(20) }).unique(true))
                .field(Field::new("uniq_text", Kind::Text).unique(true))
                .field(Field::new("idx_int", Kind::Integer).index(true))
                .field(Field::new("idx_char", Kind::Char { max_length: Some(20) }).index(true))
                .field(Field::new("idx_text", Kind::Text).index(true))
                .field(Field::new("slug_noidx", Kind::Slug { max_length: 50 }).index(false))
                .field(Field::new("renamed", Kind::Char { max_length: Some(5) }).column("Weird Column"))
                .field(Field::new("with_default", Kind::Integer).default(Value::Int(7)))
                .field(Field::new("db_def_int", Kind::Integer).db_default(DatabaseDefault::Value(Value::Int(5))))
                .field(
                    Field::new("db_def_str", Kind::Char { max_length: Some(9) })
                        .db_default(DatabaseDefault::Value(Value::Text("it's 5%".into()))),
                )
                .field(
                    Field::new("db_def_now", Kind::DateTime)
                        .db_default(DatabaseDefault::Expression(call(Function::Now, []))),
                )
                .field(Field::new("choice", Kind::Char { max_length: Some(1) }))
                .field(Field::new("commented", Kind::Integer).comment("counts 'things'"))
                .field(Field::new("auto_now", Kind::DateTime).auto_now(true))
                .field(Field::new("auto_add", Kind::DateTime).auto_now_add(true))
                .field(Field::new("pos_null", Kind::PositiveInteger).null(true).unique(true))
                .primary_key("id"),
        )
        .create_model(ModelDef::new("lab", "PkAuto").field(Field::new("id", Kind::Auto)).primary_key("id"))
        .create_model(ModelDef::new("lab", "PkBig").field(Field::new("id", Kind::BigAuto)).primary_key("id"))
        .create_model(
            ModelDef::new("lab", "PkChar")
                .field(Field::new("code", Kind::Char { max_length: Some(8) }))
                .primary_key("code"),
        )
        .create_model(
            ModelDef::new("lab", "PkComposite")
                .field(Field::new("tenant", Kind::Integer))
                .field(Field::new("number", Kind::Integer))
                .field(Field::new("note", Kind::Char { max_length: Some(10) }))
                .primary_key("tenant")
                .primary_key("number"),
        )
        .create_model(ModelDef::new("lab", "PkSmall").field(Field::new("id", Kind::SmallAuto)).primary_key("id"))
        .create_model(ModelDef::new("lab", "PkUuid").field(Field::new("id", Kind::Uuid)).primary_key("id"))
        .create_model(
            ModelDef::new("lab", "Shelf")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("name", Kind::Char { max_length: Some(20) }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TBigInteger")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::BigInteger))
                .field(Field::new("n", Kind::BigInteger).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TBinary")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Binary))
                .field(Field::new("n", Kind::Binary).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TBoolean")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Boolean))
                .field(Field::new("n", Kind::Boolean).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TChar")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Char { max_length: Some(40) }))
                .field(Field::new("n", Kind::Char { max_length: Some(40) }).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TCharUnlimited")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Char { max_length: None }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TDate")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Date))
                .field(Field::new("n", Kind::Date).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TDateTime")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::DateTime))
                .field(Field::new("n", Kind::DateTime).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TDecimal")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Decimal { max_digits: 12, decimal_places: 4 }))
                .field(Field::new("n", Kind::Decimal { max_digits: 30, decimal_places: 10 }).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TDuration")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Duration))
                .field(Field::new("n", Kind::Duration).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TEmail")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Email { max_length: 254 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TFile")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::File { max_length: 100 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TFilePath")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::FilePath { max_length: 100 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TFloat")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Float))
                .field(Field::new("n", Kind::Float).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TGenerated")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a", Kind::Integer))
                .field(Field::new("b", Kind::Integer))
                .field(Field::new("total", Kind::Integer).generated(Generated::stored(arithmetic(
                    field("a"),
                    Operator::Add,
                    field("b"),
                ))))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TImage")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Image { max_length: 100 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TInteger")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Integer))
                .field(Field::new("n", Kind::Integer).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TIP")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::GenericIpAddress))
                .field(Field::new("n", Kind::GenericIpAddress).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TJSON")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Json))
                .field(Field::new("n", Kind::Json).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TPositive")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::PositiveInteger))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TPositiveBig")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::PositiveBigInteger))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TPositiveSmall")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::PositiveSmallInteger))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TSlug")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Slug { max_length: 50 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TSmall")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::SmallInteger))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TText")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Text))
                .field(Field::new("n", Kind::Text).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TTime")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Time))
                .field(Field::new("n", Kind::Time).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TURL")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Url { max_length: 200 }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "TUUID")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("v", Kind::Uuid))
                .field(Field::new("n", Kind::Uuid).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "WithPerms")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("title", Kind::Char { max_length: Some(10) }))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Checks")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a", Kind::Integer))
                .field(Field::new("b", Kind::Integer).null(true))
                .field(Field::new("s", Kind::Char { max_length: Some(10) }))
                .primary_key("id")
                .check("lab_ck_gte", compare(field("a"), Lookup::Gte, 1))
                .check(
                    "lab_ck_or",
                    any([compare(field("a"), Lookup::Lt, field("b")), compare(field("b"), Lookup::IsNull, true)]),
                )
                .check("lab_ck_in", compare(field("s"), Lookup::In, list([value("x"), value("it's"), value("50%")])))
                .check("lab_ck_not", not(compare(field("s"), Lookup::Exact, "no")))
                .check("lab_ck_range", compare(field("a"), Lookup::Range, list([value(1), value(9)])))
                .check("lab_ck_like", compare(field("s"), Lookup::StartsWith, "x%_")),
        )
        .create_model(
            ModelDef::new("lab", "ChildModel")
                .field(Field::one_to_one("parentmodel_ptr", Reference::new("lab.ParentModel", OnDelete::Cascade)))
                .field(Field::new("extra", Kind::Char { max_length: Some(10) }))
                .primary_key("parentmodel_ptr"),
        )
        .create_model(
            ModelDef::new("lab", "Indexes")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a", Kind::Integer))
                .field(Field::new("b", Kind::Char { max_length: Some(5) }))
                .field(Field::new("c", Kind::DateTime))
                .field(Field::new("d", Kind::Boolean).default(Value::Bool(false)))
                .primary_key("id")
                .index(
                    Index::new(vec![OrderBy::asc(field("a")), OrderBy::asc(field("b"))])
                        .name("lab_indexes_a_f9fefb_idx"),
                )
                .index(Index::new(vec![OrderBy::desc(field("c"))]).name("lab_indexes_c_a2fd56_idx"))
                .index(Index::new(vec![OrderBy::asc(field("a")), OrderBy::desc(field("c"))]).name("lab_ix_named"))
                .index(Index::new(vec![OrderBy::asc(field("b"))]).name("lab_ix_cond").condition(compare(
                    field("d"),
                    Lookup::Exact,
                    true,
                )))
                .index(Index::new(vec![OrderBy::asc(field("c"))]).name("lab_ix_incl").include(["a"]))
                .index(
                    Index::new(vec![OrderBy::desc(call(Function::Lower, [field("b")])), OrderBy::asc(field("a"))])
                        .name("lab_ix_expr"),
                ),
        )
        .create_model(
            ModelDef::new("lab", "OneToOnePk")
                .field(Field::one_to_one("target", Reference::new("lab.Target", OnDelete::Cascade)))
                .primary_key("target"),
        )
        .create_model(
            ModelDef::new("lab", "OneToOne")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::one_to_one("target", Reference::new("lab.Target", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Membership")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("joined", Kind::Date))
                .field(Field::foreign_key("owner", Reference::new("lab.M2MThrough", OnDelete::Cascade)))
                .field(Field::foreign_key("target", Reference::new("lab.Target", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .add_field(
            "M2MThrough",
            Field::many_to_many("members", Reference::new("lab.Target", OnDelete::Cascade).through("lab.Membership")),
        )
        .create_model(
            ModelDef::new("lab", "FkEach")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::foreign_key("cascade", Reference::new("lab.Target", OnDelete::Cascade).related_name("+")))
                .field(Field::foreign_key(
                    "do_nothing",
                    Reference::new("lab.Target", OnDelete::DoNothing).related_name("+"),
                ))
                .field(Field::foreign_key("protect", Reference::new("lab.Target", OnDelete::Protect).related_name("+")))
                .field(Field::foreign_key(
                    "restrict",
                    Reference::new("lab.Target", OnDelete::Restrict).related_name("+"),
                ))
                .field(
                    Field::foreign_key(
                        "set_default",
                        Reference::new("lab.Target", OnDelete::SetDefault).related_name("+"),
                    )
                    .default(Value::Int(1)),
                )
                .field(
                    Field::foreign_key("set_null", Reference::new("lab.Target", OnDelete::SetNull).related_name("+"))
                        .null(true),
                )
                .field(
                    Field::foreign_key(
                        "set_value",
                        Reference::new("lab.Target", OnDelete::DoNothing).related_name("+"),
                    )
                    .null(true),
                )
                .primary_key("id"),
        )
        .create_model(ModelDef::new("lab", "ProxyTarget").proxy_for("lab.Target"))
        .create_model(
            ModelDef::new("lab", "M2MAuto")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::many_to_many(
                    "custom",
                    Reference::new("lab.Target", OnDelete::Cascade).related_name("+").table("lab_custom_m2m"),
                ))
                .field(Field::many_to_many("targets", Reference::new("lab.Target", OnDelete::Cascade)))
                .field(Field::many_to_many("chars", Reference::new("lab.PkChar", OnDelete::Cascade)))
                .field(Field::many_to_many("uuids", Reference::new("lab.PkUuid", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "FkOptions")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::foreign_key("to_user", Reference::new("auth.User", OnDelete::Cascade)))
                .field(Field::foreign_key(
                    "by_code",
                    Reference::new("lab.Target", OnDelete::Cascade).to_field("code").related_name("+"),
                ))
                .field(
                    Field::foreign_key("named", Reference::new("lab.Target", OnDelete::Cascade).related_name("+"))
                        .column("tgt"),
                )
                .field(Field::foreign_key(
                    "no_constraint",
                    Reference::new("lab.Target", OnDelete::DoNothing).related_name("+").constraint(false),
                ))
                .field(
                    Field::foreign_key("no_index", Reference::new("lab.Target", OnDelete::Cascade).related_name("+"))
                        .index(false),
                )
                .field(
                    Field::foreign_key("unique_fk", Reference::new("lab.Target", OnDelete::Cascade).related_name("+"))
                        .unique(true),
                )
                .field(Field::foreign_key("to_char", Reference::new("lab.PkChar", OnDelete::Cascade)))
                .field(Field::foreign_key("to_small", Reference::new("lab.PkSmall", OnDelete::Cascade)))
                .field(Field::foreign_key("to_uuid", Reference::new("lab.PkUuid", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "SelfRef")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::many_to_many(
                    "follows",
                    Reference::new("self", OnDelete::Cascade).related_name("followers"),
                ))
                .field(Field::many_to_many("friends", Reference::new("self", OnDelete::Cascade).symmetrical(true)))
                .field(Field::foreign_key("parent", Reference::new("self", OnDelete::Cascade)).null(true))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Book")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("title", Kind::Char { max_length: Some(20) }))
                .field(Field::new("pages", Kind::Integer).default(Value::Int(1)))
                .field(Field::foreign_key("shelf", Reference::new("lab.Shelf", OnDelete::Cascade)))
                .primary_key("id"),
        )
        .create_model(
            ModelDef::new("lab", "Uniques")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a", Kind::Integer))
                .field(Field::new("b", Kind::Char { max_length: Some(5) }))
                .field(Field::new("c", Kind::Integer).null(true))
                .field(Field::new("live", Kind::Boolean).default(Value::Bool(true)))
                .primary_key("id")
                .unique(Unique::new("lab_uc_plain", ["a", "b"]))
                .unique(Unique::new("lab_uc_cond", ["b"]).condition(compare(field("live"), Lookup::Exact, true)))
                .unique(Unique::over(
                    "lab_uc_expr",
                    vec![OrderBy::asc(call(Function::Lower, [field("b")])), OrderBy::asc(field("a"))],
                ))
                .unique(Unique::new("lab_uc_incl", ["c"]).include(["a"]))
                .unique(Unique::new("lab_uc_defer", ["a", "c"]).deferrable(Deferrable::Deferred))
                .unique(Unique::new("lab_uc_immed", ["live", "c"]).deferrable(Deferrable::Immediate))
                .unique(Unique::new("lab_uc_nulls", ["c", "b"]).nulls_distinct(false)),
        )
        .create_model(
            ModelDef::new("lab", "UniqueTogether")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a", Kind::Integer))
                .field(Field::new("b", Kind::Char { max_length: Some(5) }))
                .primary_key("id")
                .unique_together(["a", "b"]),
        )
        .create_model(
            ModelDef::new("lab", "AVeryLongModelNameThatGoesOnAndOnSoTheTableNameMustBeCutDown")
                .field(Field::new("id", Kind::BigAuto))
                .field(Field::new("a_rather_long_column_name_used_for_an_index", Kind::Integer).index(true))
                .field(Field::new("another_rather_long_column_name_for_the_pair", Kind::Integer))
                .field(Field::many_to_many(
                    "a_long_many_to_many_name",
                    Reference::new("lab.Target", OnDelete::Cascade).related_name("+"),
                ))
                .field(Field::foreign_key(
                    "an_equally_long_relation_name_pointing_at_target",
                    Reference::new("lab.Target", OnDelete::Cascade),
                ))
                .primary_key("id")
                .unique_together([
                    "a_rather_long_column_name_used_for_an_index",
                    "another_rather_long_column_name_for_the_pair",
                ]),
        )
}
