//! Small files of the user's cache directory: what they hold can always be found again, so every failure is silent.
//!
//! The directory is `GIBBSITE_CACHE_DIR`, else the system's place for caches: `XDG_CACHE_HOME` or `~/.cache`,
//! `~/Library/Caches`, `%LOCALAPPDATA%`; below it `gibbsite`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::file::write_bytes;

/// Bytes of the largest file that is read.
const MOST: u64 = 1 << 20;

/// The cache directory, or None where the system names none. An empty `GIBBSITE_CACHE_DIR` means no cache.
#[must_use]
pub fn cache_directory() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name);
    if let Some(own) = variable("GIBBSITE_CACHE_DIR") {
        return (!own.is_empty()).then(|| PathBuf::from(own));
    }
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        let home = absolute("HOME");
        let place = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        absolute("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(place)))
    };
    base.map(|base| base.join("gibbsite"))
}

/// The text of a file in `directory`; None when it is not there, not readable, too long or not text.
#[must_use]
pub fn read_cached(directory: &Path, name: &str) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(directory.join(name)).ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The bytes of a file in `directory`; None when it is not there, not readable or longer than `most`.
#[must_use]
pub fn read_cached_bytes(directory: &Path, name: &str, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(directory.join(name)).ok()?;
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

/// Writes a file of `directory` atomically, or does not.
pub fn write_cached(directory: &Path, name: &str, text: &str) {
    write_cached_bytes(directory, name, text.as_bytes());
}

/// The same for bytes.
pub fn write_cached_bytes(directory: &Path, name: &str, bytes: &[u8]) {
    if fs::create_dir_all(directory).is_ok() {
        // The next run finds it out again.
        let _ = write_bytes(&directory.join(name), bytes);
    }
}
