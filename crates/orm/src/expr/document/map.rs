//! Values of JSON objects whose keys are not known beforehand.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Document, Member, Place};

/// What can be had of an object from `K` to `T`.
pub trait MapPaths<R, K, T>: Place<R> {}

impl<R, K, T, P: Place<R>> MapPaths<R, K, T> for P {}

impl<R: 'static, K: Serialize + 'static, T: Document> dyn MapPaths<R, K, T> {
    /// The value at a key: a member of the object, even if the key looks like a number.
    pub fn at<Q>(&self, key: &Q) -> Member<R, T>
    where
        K: Borrow<Q>,
        Q: Serialize + ?Sized,
    {
        // As serde_json writes the keys of maps: texts as they are, the rest as their JSON.
        let key = match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => key,
            Ok(other) => other.to_string(),
            // No map has it, and no document either.
            Err(_) => String::new(),
        };
        Member::named(self, key)
    }
}

macro_rules! maps {
    ($($map:ty: $($bound:ident)*;)*) => {$(
        impl<K, T> Document for $map
        where
            K: Serialize + DeserializeOwned + Send + Sync + $($bound +)* 'static,
            T: Document,
        {
            type Paths<R: 'static> = dyn MapPaths<R, K, T>;

            fn paths<R: 'static, P: Place<R>>(place: &P) -> &Self::Paths<R> {
                place
            }
        }
    )*};
}

maps! {
    BTreeMap<K, T>: Ord;
    HashMap<K, T>: Eq Hash;
}
