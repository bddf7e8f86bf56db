//! Signals: functions that run before and after a write, in its transaction (Django's `django.db.models.signals`).
//!
//! A [`Receiver`] is made of an async function and the write it waits for, and given to the database, as a rule through
//! the app: nothing is registered anywhere else.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use nuages_orm::signal::{Draft, Saved, post_save, pre_save};
//! use nuages_orm::{Db, Error, Model, Models, Result};
//!
//! #[derive(Model, Debug, Clone)]
//! #[model(app = "shop")]
//! pub struct Order {
//!     pub id: i64,
//!     #[field(max_length = 30)]
//!     pub customer: String,
//!     pub pence: i64,
//! }
//!
//! /// Names are kept without blanks around them, and nobody orders for less than nothing.
//! async fn tidy(_: &Db, order: &mut Draft<Order>) -> Result<()> {
//!     let (customer, pence) = order.get(|o| (o.customer(), o.pence()))?;
//!     if pence < 0 {
//!         return Err(Error::refused("an order is not worth less than nothing").in_field("pence"));
//!     }
//!     order.set(|o| o.customer().set(customer.trim()))
//! }
//!
//! async fn announce(db: &Db, order: Saved<'_, Order>) -> Result<()> {
//!     let (id, created) = (order.id, order.created);
//!     db.on_commit(async move { println!("order {id}, created: {created}") }).await
//! }
//!
//! # let make = "CREATE TABLE shop_order (id integer PRIMARY KEY AUTOINCREMENT, customer text, pence integer)";
//! let db = Db::builder("sqlite::memory:")
//!     .models(Models::new().with::<Order>())
//!     .receivers([pre_save::<Order>(tidy), post_save::<Order>(announce)])
//!     .connect()
//!     .await?;
//! # db.raw(make, ()).execute().await?;
//! let order = Order::builder().customer(" Ada ").pence(250).create(&db).await?;
//! assert_eq!(order.customer, "Ada");
//!
//! let refused = Order::builder().customer("Bob").pence(-1).create(&db).await.unwrap_err();
//! assert_eq!(refused.to_string(), "shop.Order.pence: an order is not worth less than nothing");
//! assert_eq!(Order::objects().count(&db).await?, 1);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! # Which write sends what
//!
//! | write | signals |
//! | --- | --- |
//! | `create`, `save`, `save_fields`, `get_or_create`, `update_or_create` | [`pre_save`], [`post_save`] |
//! | `delete` and `hard_delete` of a row or query, and what it cascades to | [`pre_delete`], [`post_delete`] for each row, whether it is deleted or marked |
//! | `restore` of a row or query, and what comes back with it | [`pre_save`], [`post_save`] for each row, of the mark alone |
//! | `add`, `remove`, `clear`, `set` of a many-to-many relation | [`many_changed`] |
//! | [`with_signals`](crate::QuerySet::with_signals)`().update(…)` | [`pre_save`], [`post_save`] for each row |
//! | `bulk_create(…).with_signals()`, `bulk_update(…).with_signals()`, `bulk_upsert(…)….with_signals()` | [`pre_save`], [`post_save`] for each row |
//! | `migrate` | [`pre_migrate`], [`post_migrate`] |
//! | `update` of a query, bulk operations without `with_signals()`, keys that `on_delete` changes, fixtures, operations on rows in migrations, raw SQL | none |
//!
//! All of it runs in the transaction of the write: a receiver that fails undoes the write, and with it what other
//! receivers did. What must not be undone, or must not happen if the write is, waits for
//! [`Db::on_commit`](crate::Db::on_commit). A receiver that writes sends signals of its own.
//!
//! Where a model has receivers, a deletion reads its rows first, and every write of it is a transaction (or a savepoint
//! within one) of several statements; others stay the single statement that they are.

mod draft;
mod event;
mod receivers;

pub use draft::Draft;
pub(crate) use draft::column;
pub use event::{ManyAction, ManyChange, MigrationRun, Saved};
pub(crate) use receivers::{Listening, ManyWrite, Of, Receivers};
pub use receivers::{
    Receive, Receiver, many_changed, post_delete, post_migrate, post_save, pre_delete, pre_migrate, pre_save,
};
