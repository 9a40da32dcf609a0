//! Ising data.
