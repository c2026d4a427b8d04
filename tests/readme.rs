//! End-to-end tests of the public interfaces stand in `it/`. This library runs the examples of the README.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
