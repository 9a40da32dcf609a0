//! Files under temporary names: made by one process, removed by it alone or, once it is dead, by the next that comes.
//!
//! A name is `.FILE.SYSTEM-CHANCE.tmp`: no two processes, containers or machines that share a directory choose the same.
//! Whoever writes holds a lock on the file, which the system lets go of when the process ends in whatever way. Where a
//! file system has no locks, or those of another machine are not seen, a file counts as left behind after a day.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::directory_of;
use super::process::{system_word, unique_word};
use crate::data::sha256_hex;

/// Age from which a file of a writer that cannot be asked counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_hours(24);

/// Longest part of a file's name that stands in a temporary one: names have at most 255 bytes.
const MAX_LABEL: usize = 200;

/// What this process must not leave behind: files, and for those whose names others use too a word that makes them ours.
static LIVE: Mutex<Vec<(PathBuf, Option<String>)>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<(PathBuf, Option<String>)>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a file that goes with this process, as long as `word` stands in it.
pub(super) fn remember(path: &Path, word: &str) {
    live().push((path.to_path_buf(), Some(word.to_string())));
}

/// The file is gone, or stays.
pub(super) fn forget(path: &Path) {
    live().retain(|(known, _)| known != path);
}

/// Removes every unfinished file of this process, which must end right after: nothing can be written any more.
pub fn abandon_files() {
    let known = live();
    for (path, word) in &*known {
        let is_ours = |word: &String| fs::read_to_string(path).is_ok_and(|text| text.contains(word));
        if word.as_ref().is_none_or(is_ours) {
            let _ = fs::remove_file(path);
        }
    }
    // Whoever is about to make another waits for ever.
    std::mem::forget(known);
}

/// A new empty file that only this process knows, beside the file that it is to become.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) file: File,
    path: PathBuf,
}

impl Temporary {
    /// Makes it; the system never follows a link at its name.
    pub(crate) fn new(target: &Path) -> io::Result<Self> {
        loop {
            let path = scratch_name(target);
            let mut known = live();
            let file = File::options().write(true).create_new(true).open(&path)?;
            known.push((path.clone(), None));
            drop(known);
            let made = Self { file, path };
            // Between the two somebody may have taken it for one left behind.
            if made.file.lock().is_err() || made.path.exists() {
                return Ok(made);
            }
        }
    }

    /// Gives it another name besides, if nobody has that.
    pub(super) fn link(&self, name: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, name) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => self.rename_to_new(name),
            other => other,
        }
    }

    /// The same on a file system without links, where two at once are told apart afterwards.
    fn rename_to_new(&self, name: &Path) -> io::Result<()> {
        File::options().write(true).create_new(true).open(name)?;
        fs::rename(&self.path, name)
    }

    /// Gives it its final name, in place of what has that now.
    pub(crate) fn persist(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Not there any more once it has its final name.
        let _ = fs::remove_file(&self.path);
        forget(&self.path);
    }
}

/// A new name beside a file, for one that is removed before this process ends.
#[must_use]
pub fn scratch_name(target: &Path) -> PathBuf {
    let system = system_word().unwrap_or_else(|| "0".to_string());
    target.with_file_name(format!(".{}.{system}-{}.tmp", label(target), unique_word()))
}

/// The name of a file as it stands in others made from it.
pub(super) fn label(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.len() <= MAX_LABEL { name } else { sha256_hex(name.as_bytes())[..32].to_string() }
}

/// The system's word in a name that [`scratch_name`] made for a file that `is_ours` accepts.
fn system_in(name: &str, is_ours: impl Fn(&str) -> bool) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    let (file, writer) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let (system, chance) = writer.split_once('-')?;
    (is_ours(file) && digits(system) && digits(chance)).then_some(system)
}

/// Removes what dead writers left in `directory` of files whose names `is_ours` accepts.
pub(crate) fn remove_leftovers(directory: &Path, is_ours: impl Fn(&str) -> bool) {
    let here = system_word();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(system) = system_in(&name, &is_ours) else { continue };
        let old = || {
            let modified = entry.metadata().and_then(|about| about.modified());
            modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
        };
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // The lock is held until the file is gone, so that a writer who has just made it notices.
        let Ok(file) = File::open(entry.path()) else { continue };
        let dead = match file.try_lock() {
            Ok(()) => here.as_deref() == Some(system) || old(),
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(_)) => old(),
        };
        if dead {
            // One that cannot be removed is in nobody's way but for its room.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// As [`remove_leftovers`], of the file at `path`.
pub(crate) fn remove_leftovers_of(path: &Path) {
    let ours = label(path);
    remove_leftovers(directory_of(path), |name| name == ours);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_writers_left_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        // One that writes now, one that was killed: its lock is gone, its file is there.
        let living = Temporary::new(&path).unwrap();
        let left = scratch_name(&path);
        fs::write(&left, b"half").unwrap();
        let others = [
            ".model.safetensors.tmp",
            ".model.safetensors.7-.tmp",
            ".other.7-1.tmp",
            "model.safetensors.7-1.tmp",
            // Of a system that cannot be asked, and not a day old.
            ".model.safetensors.7-1.tmp",
        ];
        others.iter().for_each(|name| fs::write(directory.path().join(name), b"theirs").unwrap());
        remove_leftovers_of(&path);
        assert!(!left.exists() || system_word().is_none());
        assert!(living.path.exists());
        assert!(others.iter().all(|name| directory.path().join(name).exists()));
        let old = directory.path().join(others[4]);
        let day_before = std::time::SystemTime::now() - 2 * LEFT_BEHIND;
        File::options().write(true).open(&old).unwrap().set_modified(day_before).unwrap();
        remove_leftovers_of(&path);
        assert!(!old.exists() && living.path.exists());
        living.persist(&path).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn long_names_have_temporary_ones_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x".repeat(250));
        Temporary::new(&path).unwrap().persist(&path).unwrap();
        assert!(path.exists());
    }
}
