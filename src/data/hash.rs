//! Hashes of what was read: SHA-256. A library without files keeps no hash for longer than its process, and takes that of the
//! standard library.

#[cfg(not(feature = "files"))]
use std::hash::{DefaultHasher, Hasher};

#[cfg(feature = "files")]
use sha2::{Digest, Sha256};

/// Hash of bytes that come in pieces.
#[cfg(feature = "files")]
#[derive(Debug, Default)]
pub struct ByteHash(Sha256);

/// Hash of bytes that come in pieces.
#[cfg(not(feature = "files"))]
#[derive(Debug, Default)]
pub struct ByteHash(DefaultHasher);

impl ByteHash {
    /// The hash of these bytes, in hexadecimal digits.
    #[must_use]
    pub fn of(bytes: &[u8]) -> String {
        let mut hash = Self::default();
        hash.add(bytes);
        hash.hex()
    }

    /// Adds a piece.
    pub fn add(&mut self, bytes: &[u8]) {
        #[cfg(feature = "files")]
        self.0.update(bytes);
        #[cfg(not(feature = "files"))]
        self.0.write(bytes);
    }

    /// The hash of all pieces, in hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> String {
        #[cfg(feature = "files")]
        return self.0.finalize().iter().map(|b| format!("{b:02x}")).collect();
        #[cfg(not(feature = "files"))]
        return format!("{:016x}", self.0.finish());
    }
}

/// SHA-256 in 64 hexadecimal digits.
#[cfg(feature = "files")]
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    ByteHash::of(bytes)
}
