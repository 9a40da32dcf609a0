//! A directory in memory for the files that a target reads: the readers take paths.
#![allow(dead_code, reason = "every target uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The directory of this process.
pub fn directory() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let place = base.join(format!("gibbsite-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("a directory for the files");
        place
    })
}

/// A file of these bytes.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory().join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

/// The text up to a mark of three bytes, and the rest.
pub fn parts<'a>(bytes: &'a [u8], count: usize) -> Vec<&'a [u8]> {
    const MARK: &[u8] = b"\n%%";
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while parts.len() + 1 < count {
        let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) else { break };
        parts.push(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    parts.push(rest);
    parts.resize(count, &[]);
    parts
}
