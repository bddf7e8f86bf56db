//! What was sealed, or is to be.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes that are to be sealed or were opened: overwritten with zeros when dropped, compared in constant time, never
/// shown by [`Debug`](fmt::Debug).
#[derive(Clone)]
pub struct Plain(Zeroizing<Vec<u8>>);

impl Plain {
    /// Takes bytes into keeping.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Plain(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// In a time that depends on the lengths alone.
impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Plain {}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain(…)")
    }
}
