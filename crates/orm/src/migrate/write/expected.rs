// Written by `makemigrations`.

use nuages::migrate::*;

/// What it does.
pub(super) fn migration() -> Migration {
    Migration::new("shop", "0001_initial")
        .after("auth", "0012_alter_user_first_name_max_length")
        .create_model(
            ModelDef::new("shop", "Book")
                .comment("what is \"sold\"")
                .field(Field::new("id", Kind::BigAuto))
                .field(
                    Field::new("title", Kind::Char { max_length: Some(120) })
                        .column("Titel")
                        .default(Value::Text("".into())),
                )
                .field(Field::new("price", Kind::Decimal { max_digits: 8, decimal_places: 2 }).null(true))
                .field(Field::new("slug", Kind::Slug { max_length: 50 }).unique(true).index(false))
                .field(Field::new("sold", Kind::Integer).db_default(DatabaseDefault::Value(Value::Int(5))))
                .field(
                    Field::new("added", Kind::DateTime)
                        .auto_now_add(true)
                        .db_default(DatabaseDefault::Expression(call(Function::Now, [])))
                        .comment("when the first of them came in, by the clock of the database"),
                )
                .field(
                    Field::new("same", Kind::Integer).generated(Generated::stored(cast(field("sold"), Kind::Integer))),
                )
                .field(
                    Field::new("double", Kind::Integer)
                        .generated(Generated::computed(arithmetic(field("sold"), Operator::Mul, value(2))))
                        .comment("the price of two"),
                )
                .field(
                    Field::new("notes", Kind::Integer)
                        .rollup(Rollup::count("note").only(compare(field("seen"), Lookup::IsNull, false))),
                )
                .field(
                    Field::new("paid", Kind::Decimal { max_digits: 9, decimal_places: 2 })
                        .rollup(Rollup::sum("sale", "price")),
                )
                .field(Field::new("noted", Kind::DateTime).null(true).rollup(Rollup::latest("note", "seen")))
                .field(
                    Field::foreign_key("shelf", Reference::new("shop.Shelf", OnDelete::SetNull).related_name("books"))
                        .null(true),
                )
                .field(Field::many_to_many("tags", Reference::new("shop.Tag", OnDelete::Cascade).table("shop_tagged")))
                .field(
                    Field::new("notes", Kind::Json)
                        .null(true)
                        .schema(JsonSchema::new(r#"{"type":"object","required":["year"]}"#).version(2, "v")),
                )
                .field(
                    Field::new("cover", Kind::Json)
                        .schema(
                            JsonSchema::new(
                                r##"{
                                  "properties": {
                                    "colour": {
                                      "pattern": "^#[0-9a-f]{6}\"#$"
                                    },
                                    "artists": {
                                      "type": "array"
                                    }
                                  }
                                }"##,
                            ),
                        ),
                )
                .primary_key("id")
                .unique_together(["title", "shelf"])
                .unique(Unique::new("one_price", ["price"]).condition(keyword("price__gt", decimal("1.50"))))
                .check(
                    "sane",
                    any([
                        compare(field("sold"), Lookup::Range, list([value(1), value(9)])),
                        not(keyword("title__startswith", "x%_")),
                        compare(field("sold"), Lookup::IsNull, true),
                    ]),
                )
                .unique(Unique::over("by_title", vec![OrderBy::desc(call(Function::Lower, [field("title")]))]))
                .index(Index::new(vec![OrderBy::asc(field("sold"))]).name("by_sold").include(["price"]))
                .index(Index::new(vec![OrderBy::desc(field("sold")).nulls_last()]).name("by_nulls")),
        )
        .add_field_filled("Shelf", Field::new("opened", Kind::Date), date("2026-11-22"))
        .add_constraint("Shelf", Check::new("open", compare(field("opened"), Lookup::IsNull, false)))
        .alter_unique_together("Shelf", [&["a", "b"]])
        .remove_constraint("Shelf", "old")
        .alter_field_filled("Shelf", Field::new("opened", Kind::DateTime), timestamp("2026-11-22T00:00:00Z"))
        .rename_field("Shelf", "opened", "since")
        .rename_model("Shelf", "Case")
        .alter_table("Case", Some("cases"))
        .alter_table_comment("Case", None)
        .alter_primary_key("Case", ["code"])
        .rename_index("Case", "one", "two")
        .run_sql(["SELECT 1"], [])
        .about("Case")
        .run_sql_one_way(["ALTER TABLE cases ADD pages integer"])
        .meaning(|models| models.add_field("Case", Field::new("pages", Kind::Integer).null(true)))
        .separate(|tables| tables, |models| models.remove_field("Case", "pages"))
        .populate(Populate::new("Case").set("since", call(Function::Now, [])).back("since", 1).batch(50))
}
