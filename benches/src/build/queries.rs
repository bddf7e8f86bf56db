//! The queries that `build` times and `allocations` counts.

use nuages::orm::expr::Required;
use nuages::orm::{Dialect, Result, Schema};
use nuages::prelude::*;

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Publisher {
    id: i64,
    #[field(max_length = 60)]
    name: String,
}

#[derive(Model, Debug, Clone)]
#[model(app = "bench")]
struct Book {
    id: i64,
    #[field(max_length = 120)]
    title: String,
    #[field(max_length = 13, unique)]
    isbn: String,
    #[field(on_delete = Protect, related_name = "books")]
    publisher: ForeignKey<Publisher>,
    #[field(max_length = 1)]
    status: String,
    pages: i32,
    weight: Option<f64>,
    in_stock: bool,
}

/// Each query's name, the bar in microseconds, and its SQL for some number.
pub(crate) type Query<'a> = (String, &'static str, Box<dyn Fn(u64) -> Result<String> + 'a>);

/// On both engines.
pub(crate) fn schemas() -> Result<[std::sync::Arc<Schema>; 2]> {
    let models = Models::new().with::<Publisher>().with::<Book>();
    Ok([Schema::new(&models, Dialect::Sqlite)?, Schema::new(&models, Dialect::Postgres)?])
}

/// The queries on one of them.
pub(crate) fn queries(schema: &Schema) -> [Query<'_>; 2] {
    let engine = format!("{:?}", schema.dialect()).to_lowercase();
    let join = move |n: u64| {
        let of = |b: BookFields<Book, Required>| b.publisher().name().eq("Nuages") & b.pages().gt(n as i32);
        let statement = Book::objects().filter(of).limit(20).sql(schema)?;
        Ok(statement.map(|statement| statement.sql).unwrap_or_default())
    };
    let key = move |n: u64| {
        let statement = Book::objects().filter(|b| b.id().eq(n.cast_signed())).sql(schema)?;
        Ok(statement.map(|statement| statement.sql).unwrap_or_default())
    };
    [
        (format!("{engine}: filter over one join, 8 columns"), "3.0", Box::new(join)),
        (format!("{engine}: one row by key"), "-", Box::new(key)),
    ]
}
