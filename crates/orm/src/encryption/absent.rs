//! What stands for keys in a program that was built without them: types of which there is no value.

use std::convert::Infallible;
use std::fmt;

/// No ring of keys.
#[derive(Debug, Clone)]
pub(crate) struct KeyRing(Infallible);

/// Nothing sealed.
#[derive(Clone, PartialEq)]
pub(crate) struct Plain(Infallible);

/// Nothing opened.
pub(crate) struct Opened {
    pub(crate) plain: Plain,
}

/// No error.
#[derive(Debug)]
pub(crate) struct KeyError(Infallible);

impl fmt::Display for KeyError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}

impl Plain {
    pub(crate) fn expose(&self) -> &[u8] {
        match self.0 {}
    }
}

impl KeyRing {
    pub(crate) fn seal(&self, _: &[u8]) -> Result<String, KeyError> {
        match self.0 {}
    }

    pub(crate) fn open(&self, _: &str) -> Result<Opened, KeyError> {
        match self.0 {}
    }

    pub(crate) fn seal_for(&self, _: &[&[u8]], _: &[u8]) -> Result<String, KeyError> {
        match self.0 {}
    }

    pub(crate) fn open_for(&self, _: &[&[u8]], _: &str) -> Result<Opened, KeyError> {
        match self.0 {}
    }

    pub(crate) fn digests(&self, _: &[&[u8]], _: &[u8]) -> Vec<[u8; 32]> {
        match self.0 {}
    }
}
