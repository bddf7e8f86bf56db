//! Django's batteries, in Rust.

extern crate self as nuages;

pub use nuages_orm as orm;

pub mod prelude {
    //! What a file with models and queries uses: `use nuages::prelude::*;`.

    pub use nuages_orm::expr::{
        abs, avg, cast, coalesce, concat, count, count_rows, exists, greatest, least, length, lower, max, min, now,
        nullif, outer, q, round, subquery, substr, sum, upper, value, when,
    };
    pub use nuages_orm::{
        BigDecimal, Choices, Date, Decimal, Duration, Email, FieldType, FilePath, ForeignKey, Json, ManyToMany, Model,
        Models, OneToOne, QuerySet, Slug, Time, Timestamp, Url, Uuid, Value, json,
    };
}
