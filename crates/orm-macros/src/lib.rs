//! The derives of `nuages-orm`.
