//! couplings.
