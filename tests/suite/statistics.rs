//! statistics tests.
