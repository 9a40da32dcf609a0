//! tree tests.
