//! Files of bonds and of interaction terms for the Ising engine.

use std::path::Path;

use super::file::read_text;
use crate::error::Result;
use crate::lattice::BondList;

/// Longest file of bonds, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a file of bonds, one a line: `site site` or `site site coupling`.
///
/// # Errors
/// [`crate::Error::Input`] for a missing or unreadable file and as [`BondList::parse`].
pub fn read_bonds(path: &Path) -> Result<BondList> {
    BondList::parse(&read_text(path, MAX_BYTES)?, &path.display().to_string())
}

/// Text of a file of interaction terms.
///
/// # Errors
/// [`crate::Error::Input`] for a missing or unreadable file.
pub fn read_terms(path: &Path) -> Result<String> {
    read_text(path, MAX_BYTES)
}
