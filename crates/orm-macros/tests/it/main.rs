//! The derives where their users are: outside of this workspace.

mod foreign;
