//! Reading a database's catalogue.

use nuages_orm::introspect;

use crate::support::on_each_engine;

on_each_engine! {
    async fn columns_are_those_of_tables_alone(place: Place) {
        let db = place.db().await;
        for sql in [
            r#"CREATE TABLE "Odd Name" (id integer PRIMARY KEY, "Some Column" text)"#,
            r#"CREATE VIEW seen AS SELECT id FROM "Odd Name""#,
        ] {
            db.raw(sql, ()).execute().await.unwrap();
        }
        let columns = introspect::columns(&db).await.unwrap();
        assert_eq!(columns.keys().collect::<Vec<_>>(), ["Odd Name"]);
        assert_eq!(columns["Odd Name"].iter().collect::<Vec<_>>(), ["Some Column", "id"]);
        db.close().await;
    }
}
