//! couplings tests.
