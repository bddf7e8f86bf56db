//! What in a document has no members of known names.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value as Anything;
use uuid::Uuid;

use super::{Document, Member, Place};
use crate::field::{Email, FieldType, FilePath, Slug, Url};

/// A text, number or truth value in a document: what can be ordered and searched as text.
pub trait Scalar: Document {}

/// A [`Scalar`] that a column holds in the same form.
pub trait Bare: Scalar + FieldType {}

/// What can be had of a plain value: nothing more.
pub trait ScalarPaths<R>: Place<R> {}

impl<R, P: Place<R>> ScalarPaths<R> for P {}

macro_rules! scalars {
    ($($scalar:ty),* $(,)?) => {$(
        impl Document for $scalar {
            type Paths<R: 'static> = dyn ScalarPaths<R>;

            fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
                place
            }
        }

        impl Scalar for $scalar {}
    )*};
}

scalars! {
    bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, char, String, Decimal, Uuid, Date, Time, Timestamp,
    SignedDuration, IpAddr, Slug, Email, Url, FilePath,
}

macro_rules! bare {
    ($($scalar:ty),*) => { $(impl Bare for $scalar {})* };
}

bare!(bool, i16, i32, i64, u16, u32, u64, f64, String);

/// What can be had of a document of any form: members by key, items by place.
pub trait OpaquePaths<R>: Place<R> {}

impl<R, P: Place<R>> OpaquePaths<R> for P {}

impl<R: 'static> dyn OpaquePaths<R> {
    /// The value of an object's key, even if the key looks like a number.
    pub fn key(&self, name: impl Into<Cow<'static, str>>) -> Member<R, Anything> {
        Member::named(self, name)
    }

    /// The item at an array's place, from 0; from the end, -1 being the last, if negative.
    pub fn index(&self, place: i32) -> Member<R, Anything> {
        Member::numbered(self, place)
    }
}

impl Document for Anything {
    type Paths<R: 'static> = dyn OpaquePaths<R>;

    fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
        place
    }
}

/// In a document, what may be null has the members that it has where it is not.
impl<T: Document> Document for Option<T> {
    type Paths<R: 'static> = T::Paths<R>;

    fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
        T::paths(place)
    }
}

impl<T: Document> Document for Box<T> {
    type Paths<R: 'static> = T::Paths<R>;

    fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
        T::paths(place)
    }
}
