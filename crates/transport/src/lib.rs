//! How a call reaches UltraCart.
pub mod config;
