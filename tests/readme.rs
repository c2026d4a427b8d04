//! Runs the examples of the README as documentation tests. The end-to-end tests are in `it/`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
