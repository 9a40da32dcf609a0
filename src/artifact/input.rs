//! What a run reads.

use serde::{Deserialize, Serialize};

/// A file that the run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its path as given.
    pub path: String,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

#[cfg(feature = "files")]
impl InputFile {
    /// Path and hash of bytes already read.
    #[must_use]
    pub fn new(path: &std::path::Path, bytes: &[u8]) -> Self {
        Self { path: path.display().to_string(), sha256: crate::data::sha256_hex(bytes) }
    }
}
