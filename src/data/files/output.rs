//! Questions about files that are asked before any work is done.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::file::{cannot_read, cannot_write, check_replaceable, directory_of, no_directory, read_text};
use super::samples::Format;
use super::temporary::{Temporary, remove_leftovers_of};
use crate::data::ByteHash;
use crate::error::{Error, Fault, Result};

/// Checks, before any work, that every one of `outputs` can be written: its directory is there and takes files, it is no
/// directory, pipe or device, none of the `inputs` and no other of the outputs, through whatever links. Removes what a
/// killed writer left of it.
///
/// # Errors
/// [`Error::Input`] saying which of these is wrong, [`Error::File`] when the directory takes no files.
pub fn check_outputs(outputs: &[&Path], inputs: &[&Path]) -> Result<()> {
    let inputs: Vec<(&Path, Identity)> = inputs.iter().filter_map(|path| Some((*path, Identity::of(path)?))).collect();
    let mut known: Vec<(&Path, Identity)> = Vec::new();
    for &path in outputs {
        check_output(path)?;
        let identity = Identity::of(&through_links(path));
        let same = |others: &[(&Path, Identity)]| {
            let other = others.iter().find(|other| Some(&other.1) == identity.as_ref());
            other.map(|(other, _)| other.display().to_string())
        };
        let mistake = match (same(&inputs), same(&known)) {
            (Some(other), _) => Some(format!("this file is also read, as {other}")),
            (_, Some(other)) => Some(format!("this file is written twice, also as {other}")),
            _ => None,
        };
        if let Some(what) = mistake {
            let advice = "give the name of another file";
            return Err(Error::Input(Fault::new(what).at(path.display()).expected("a file of its own").advice(advice)));
        }
        known.extend(identity.map(|identity| (path, identity)));
    }
    Ok(())
}

/// That a file can be written in its directory, now.
fn check_output(path: &Path) -> Result<()> {
    if path.as_os_str().is_empty() {
        return Err(Error::Input(Fault::new("an empty file name").expected("the name of a file")));
    }
    let target = through_links(path);
    if !directory_of(&target).is_dir() {
        return Err(no_directory(&target));
    }
    check_replaceable(&target)?;
    remove_leftovers_of(&target);
    Temporary::new(&target).map(drop).map_err(|error| cannot_write(path, &error))
}

/// As [`check_outputs`], of one file of samples, whose name must end in a format that can be written.
///
/// # Errors
/// For an unknown format.
pub fn check_samples_name(path: &Path) -> Result<()> {
    Format::of_output(path).map(|_| ())
}

/// Most links that are followed one after another, as on Linux.
const MAX_LINKS: usize = 40;

/// Where a file is that is written under this name: what a link, or a row of them, points to, there or not.
#[must_use]
pub fn through_links(path: &Path) -> PathBuf {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(next) = std::fs::read_link(&target) else { break };
        target = directory_of(&target).join(next);
    }
    target
}

/// What makes two names the same file.
#[derive(Debug, PartialEq, Eq)]
enum Identity {
    /// A file that is there, by its device and number.
    #[cfg(unix)]
    There(u64, u64),
    /// A name in a directory.
    Name(PathBuf),
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        #[cfg(unix)]
        if let Ok(about) = std::fs::metadata(path) {
            use std::os::unix::fs::MetadataExt as _;
            return Some(Self::There(about.dev(), about.ino()));
        }
        let directory = directory_of(path).canonicalize().ok()?;
        Some(Self::Name(path.canonicalize().unwrap_or_else(|_| directory.join(path.file_name().unwrap_or_default()))))
    }
}

/// SHA-256 of a file in hexadecimal digits.
///
/// # Errors
/// [`Error::Input`] when the file cannot be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut hash = ByteHash::default();
    let mut file = std::fs::File::open(path).map_err(|e| cannot_read(path, &e))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).map_err(|e| cannot_read(path, &e))?;
        if count == 0 {
            return Ok(hash.hex());
        }
        hash.add(&buffer[..count]);
    }
}

/// Longest list of units that is read.
const MAX_LIST: u64 = 1 << 24;

/// Units named in a text file, one name or number a line, ascending; empty lines and comments behind `#` are passed over.
///
/// # Errors
/// [`Error::Input`] for an unknown unit or one that is given twice, with its line, and for a list without units.
pub fn read_units(path: &Path, names: &[String]) -> Result<Vec<usize>> {
    let text = read_text(path, MAX_LIST)?;
    let by_name: HashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    let mut units = BTreeMap::new();
    let wrong = |what: String, line: usize, expected: String| {
        Error::Input(Fault::new(what).at(format!("{}, line {line}", path.display())).expected(expected))
    };
    for (number, line) in text.lines().enumerate() {
        let word = line.trim();
        // A name may begin with the mark of a comment.
        if word.is_empty() || (word.starts_with('#') && !by_name.contains_key(word)) {
            continue;
        }
        let unit = by_name.get(word).copied();
        let unit = unit.or_else(|| word.parse().ok().filter(|&unit: &usize| unit < names.len()));
        let unit = unit.ok_or_else(|| {
            let expected = format!("a name of the model's units or a number from 0 to {}, one a line", names.len() - 1);
            wrong(format!("unknown unit \"{word}\""), number + 1, expected)
        })?;
        if let Some(before) = units.insert(unit, number + 1) {
            let what = format!("the unit \"{word}\" is given twice, the first time in line {before}");
            return Err(wrong(what, number + 1, "every unit once".to_string()));
        }
    }
    if units.is_empty() {
        return Err(Error::Input(
            Fault::new("the list names no units").at(path.display()).expected("one name or number a line"),
        ));
    }
    Ok(units.into_keys().collect())
}
