//! exact.
