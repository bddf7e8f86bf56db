//! Making links.

use nuages::prelude::*;
use nuages::web::{Error, Invalid, Origin, Result};
use tokio::sync::OnceCell;

use crate::code::Codes;
use crate::models::{CodeKey, Link};
use crate::{code, target};

/// The one row of [`CodeKey`].
const KEY: i64 = 1;

/// Makes links, their codes with the key that is kept beside them.
#[derive(Default)]
pub(crate) struct Maker {
    codes: OnceCell<Codes>,
}

impl Service for Maker {
    async fn start(_: &Site) -> Result<Self> {
        // The key is read with the first link, so that the site also starts where the tables are not made yet.
        Ok(Maker::default())
    }
}

/// A link to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewLink<'a> {
    /// Where it leads.
    pub(crate) url: &'a str,
    /// The code, if it is chosen.
    pub(crate) code: Option<&'a str>,
}

impl NewLink<'_> {
    /// Looks at both fields, and tells of both.
    pub(crate) fn check(&self, here: &Origin) -> Result<(), Invalid> {
        let mut refused = Invalid::default();
        if let Some(why) = target::objection(self.url, here.authority()) {
            refused = refused.and("url", why);
        }
        if let Some(why) = self.code.and_then(code::objection) {
            refused = refused.and("code", why);
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }
}

impl Maker {
    /// Writes a link that was checked.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the chosen code is taken; nothing was written then.
    pub(crate) async fn make(&self, db: &Db, new: NewLink<'_>) -> Result<Link> {
        let Some(code) = new.code else { return self.make_with_own_code(db, new.url).await };
        let made = Link::builder().url(new.url).code(code).create(db).await;
        made.map_err(|error| match error.is_unique_violation() {
            true => Error::Conflict { field: "code".into(), message: "is taken; choose another".into() },
            false => error.into(),
        })
    }

    async fn make_with_own_code(&self, db: &Db, url: &str) -> Result<Link> {
        let codes = self.codes.get_or_try_init(async || codes(db).await).await?;
        db.atomic(async |db| {
            let mut link = Link::builder().url(url).create(db).await?;
            let code = codes.code(link.id).ok_or_else(|| Error::other("every code that can be made is taken"))?;
            let written = Link::objects().filter(|row| row.id().eq(link.id));
            written.update(db, |row| row.code().set(code.as_str())).await?;
            link.code = Some(code);
            Ok(link)
        })
        .await
    }
}

/// Reads the key, and makes it if it is not there. Of several processes that make it at once, one is heeded by all.
async fn codes(db: &Db) -> Result<Codes> {
    let made = CodeKey::builder().id(KEY).key(Uuid::new_v4()).create(db).await;
    match made {
        Ok(key) => return Ok(Codes::new(key.key.as_bytes())),
        Err(error) if error.is_unique_violation() => {}
        Err(error) => return Err(error.into()),
    }
    let key = CodeKey::objects().filter(|row| row.id().eq(KEY)).get(&db.outside()).await?;
    Ok(Codes::new(key.key.as_bytes()))
}
