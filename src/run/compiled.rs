//! Compiled kernels in the user's cache directory: one file a driver, with a hash of its contents in front.

use std::path::PathBuf;

use crate::backend::gpu::CompiledStore;
use crate::data::{read_cached_bytes, sha256_hex, write_cached_bytes};

/// Bytes of the largest file that is read.
const MOST: u64 = 64 << 20;
/// Digits of the hash.
const HASH: usize = 64;

/// Keeps compiled kernels in a directory.
#[derive(Debug)]
pub(super) struct CompiledFile {
    /// The directory.
    pub(super) directory: PathBuf,
}

/// Name of the file of a driver.
fn name(key: &str) -> String {
    format!("kernels-{}.bin", &sha256_hex(key.as_bytes())[..16])
}

impl CompiledStore for CompiledFile {
    fn load(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = read_cached_bytes(&self.directory, &name(key), MOST)?;
        if bytes.len() < HASH {
            return None;
        }
        let data = bytes.split_off(HASH);
        (sha256_hex(&data).as_bytes() == bytes).then_some(data)
    }

    fn save(&self, key: &str, data: &[u8]) {
        let contents = [sha256_hex(data).as_bytes(), data].concat();
        write_cached_bytes(&self.directory, &name(key), &contents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back_unchanged_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let store = CompiledFile { directory: directory.path().join("new") };
        assert_eq!(store.load("a driver"), None);
        store.save("a driver", b"compiled");
        store.save("another", b"");
        assert_eq!(store.load("a driver").as_deref(), Some(&b"compiled"[..]));
        assert_eq!(store.load("another").as_deref(), Some(&b""[..]));
        let path = store.directory.join(name("a driver"));
        let good = std::fs::read(&path).unwrap();
        for at in [0, HASH, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(store.load("a driver"), None, "byte {at}");
        }
        std::fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert_eq!(store.load("a driver"), None, "cut off");
        std::fs::write(&path, &good[..10]).unwrap();
        assert_eq!(store.load("a driver"), None);
    }
}
