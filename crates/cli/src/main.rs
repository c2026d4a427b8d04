//! The `ultracart` command.
fn main() {}
