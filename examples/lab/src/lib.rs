//! Every kind of model, on the tables of Django apps that declare the same: [`lab`], one model for each thing whose
//! schema matters, and [`shop`], a small book trade to query. The models of Django's own apps that `lab` points at are
//! in [`contrib`].

pub mod contrib;
pub mod lab;
pub mod shop;

pub mod migrations {
    //! How the tables came about.

    pub mod auth;
    pub mod contenttypes;
    pub mod lab;
    pub mod shop;
}

use nuages::prelude::*;

/// The project: `lab migrate`, `lab query shop.Book --limit 5`.
pub fn project() -> Project {
    use contrib::{ContentType, Group, Permission, User};

    let app = |label: &'static str| {
        App::new(label).migrations_in(format!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/migrations/{}"), label))
    };

    Project::new("lab")
        .app(app("contenttypes").model::<ContentType>().migrations(migrations::contenttypes::all()))
        .app(app("auth").model::<Permission>().model::<Group>().model::<User>().migrations(migrations::auth::all()))
        .app(app("lab").models(lab_models()).migrations(migrations::lab::all()))
        .app(app("shop").models(shop_models()).migrations(migrations::shop::all()))
}

/// The models of Django's `contenttypes` and `auth`.
pub fn contrib_models() -> Models {
    use contrib::*;

    Models::new().with::<ContentType>().with::<Permission>().with::<Group>().with::<User>()
}

/// The models of [`lab`], without those that they point at.
pub fn lab_models() -> Models {
    use lab::*;

    Models::new()
        .with::<PkAuto>()
        .with::<PkBig>()
        .with::<PkSmall>()
        .with::<PkUuid>()
        .with::<PkChar>()
        .with::<PkComposite>()
        .with::<TBigInteger>()
        .with::<TBinary>()
        .with::<TBoolean>()
        .with::<TChar>()
        .with::<TCharUnlimited>()
        .with::<TDate>()
        .with::<TDateTime>()
        .with::<TDecimal>()
        .with::<TDuration>()
        .with::<TEmail>()
        .with::<TFile>()
        .with::<TFilePath>()
        .with::<TFloat>()
        .with::<TGenerated>()
        .with::<TIP>()
        .with::<TImage>()
        .with::<TInteger>()
        .with::<TJSON>()
        .with::<TPositiveBig>()
        .with::<TPositive>()
        .with::<TPositiveSmall>()
        .with::<TSlug>()
        .with::<TSmall>()
        .with::<TText>()
        .with::<TTime>()
        .with::<TURL>()
        .with::<TUUID>()
        .with::<Options>()
        .with::<Collated>()
        .with::<Target>()
        .with::<FkEach>()
        .with::<FkOptions>()
        .with::<SelfRef>()
        .with::<OneToOne>()
        .with::<OneToOnePk>()
        .with::<ParentModel>()
        .with::<ChildModel>()
        .with::<M2MAuto>()
        .with::<M2MThrough>()
        .with::<Membership>()
        .with::<UniqueTogether>()
        .with::<Uniques>()
        .with::<Checks>()
        .with::<Indexes>()
        .with::<AVeryLongModelNameThatGoesOnAndOnSoTheTableNameMustBeCutDown>()
        .with::<LongAuto>()
        .with::<WithPerms>()
        .with::<ProxyTarget>()
        .with::<Unmanaged>()
        .with::<Shelf>()
        .with::<Book>()
}

/// The models of [`shop`].
pub fn shop_models() -> Models {
    use shop::*;

    Models::new()
        .with::<Publisher>()
        .with::<Author>()
        .with::<Tag>()
        .with::<Book>()
        .with::<Contribution>()
        .with::<Review>()
        .with::<Edition>()
}

#[cfg(test)]
mod tests {
    use nuages::orm::{Dialect, Schema};

    use super::*;

    #[test]
    fn the_models_fit_together_on_both_engines() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let models = contrib_models().and(lab_models()).and(shop_models());
            let schema = Schema::new(&models, dialect).unwrap_or_else(|error| panic!("{error}"));
            assert!(schema.labels().any(|label| label == "lab.SelfRef_follows"));
        }
    }
}
