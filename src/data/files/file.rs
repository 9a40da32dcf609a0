//! Whole files in and out: bounded reads, hashes, atomic writes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::temporary::Temporary;
use crate::data::memory::check_room;
use crate::error::{Error, Fault, Result};

/// A fault of the file system while reading what the user named.
pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Error {
    let fault = if error.kind() == io::ErrorKind::NotFound {
        Fault::new("no such file").advice(
            "check the spelling; relative paths start at the current directory, in a scenario at its own directory",
        )
    } else {
        Fault::new(format!("cannot read the file: {error}"))
    };
    Error::Input(fault.at(path.display()).expected("a readable file"))
}

/// A fault of the file system while writing.
pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Error {
    let parent = directory_of(path);
    if error.kind() == io::ErrorKind::NotFound && !parent.is_dir() {
        return no_directory(path);
    }
    Error::File(
        Fault::new(format!("cannot write the file: {error}"))
            .at(path.display())
            .advice("check the free space and the permissions of the directory"),
    )
}

/// The directory in which a file is to be written is not there.
pub(crate) fn no_directory(path: &Path) -> Error {
    Error::Input(
        Fault::new("the directory of this file does not exist")
            .at(path.display())
            .expected("an existing directory")
            .advice(format!("mkdir -p {}", directory_of(path).display())),
    )
}

/// That there is a regular file, before its name is judged.
pub(crate) fn check_is_file(path: &Path) -> Result<()> {
    if fs::metadata(path).map_err(|e| cannot_read(path, &e))?.is_file() {
        return Ok(());
    }
    Err(Error::Input(Fault::new("this is not a file").at(path.display()).expected("a regular file")))
}

/// The whole file; its length on disk bounds the memory taken.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    check_is_file(path)?;
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    // Of a file that grows meanwhile what was there when it was opened.
    let length = file.metadata().map_err(|e| cannot_read(path, &e))?.len();
    check_room(length, "the file", &path.display().to_string())?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length as usize).map_err(|_| too_large(path, length))?;
    file.take(length).read_to_end(&mut bytes).map_err(|e| cannot_read(path, &e))?;
    if bytes.is_empty() {
        return Err(Error::Input(Fault::new("the file is empty").at(path.display()).expected("at least one sample")));
    }
    Ok(bytes)
}

/// The memory for a whole file cannot be had.
fn too_large(path: &Path, bytes: u64) -> Error {
    Error::Input(
        Fault::new(format!("there is no memory for the {bytes} bytes of this file"))
            .at(path.display())
            .expected("a file that fits in memory"),
    )
}

/// The mark with which some programs begin a text of UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text file of at most `limit` bytes, without a byte order mark.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
    if !meta.is_file() || meta.len() > limit {
        let found = if meta.is_file() { format!("{} bytes", meta.len()) } else { "a directory or device".to_string() };
        return Err(Error::Input(
            Fault::new(format!("this is {found}"))
                .at(path.display())
                .expected(format!("a text of at most {limit} bytes")),
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    file.take(limit).read_to_end(&mut bytes).map_err(|e| cannot_read(path, &e))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if let Some(packed) = packed_as(&bytes) {
        return Err(Error::Input(
            Fault::new(format!("the file is {packed}"))
                .at(path.display())
                .expected("UTF-8 text")
                .advice("unpack it, or save it as UTF-8"),
        ));
    }
    String::from_utf8(bytes).map_err(|e| {
        Error::Input(
            Fault::new(format!("byte {} is not UTF-8 text", e.utf8_error().valid_up_to()))
                .at(path.display())
                .expected("UTF-8 text"),
        )
    })
}

/// Whether these are the first bytes of a gzip file.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b")
}

/// Whether a file begins as one packed with gzip.
pub(crate) fn starts_as_gzip(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(|e| cannot_read(path, &e))?;
    file.take(2).read_to_end(&mut start).map_err(|e| cannot_read(path, &e))?;
    Ok(is_gzip(&start))
}

/// What other than plain UTF-8 a text file is, by its first bytes.
pub(crate) fn packed_as(bytes: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], &str); 9] = [
        (b"\x1f\x8b", "packed with gzip"),
        (b"BZh", "packed with bzip2"),
        (b"\xfd7zXZ\0", "packed with xz"),
        (b"\x28\xb5\x2f\xfd", "packed with zstd"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
    ];
    kinds.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind)
}

/// Unpacks gzip, at most as many bytes as there are of memory.
pub(crate) fn gunzip(bytes: &[u8], source: &str) -> Result<Vec<u8>> {
    let out = read_within(flate2::read::MultiGzDecoder::new(bytes), source)?;
    out.map_err(|e| {
        Error::Input(
            Fault::new(format!("cannot unpack: {e}"))
                .at(source)
                .expected("a whole gzip file")
                .advice("the file is truncated or damaged: fetch it again"),
        )
    })
}

/// All bytes of a reader whose length nobody knows, at most as many as there are of memory; the inner error is the
/// reader's own.
pub(crate) fn read_within(mut reader: impl Read, source: &str) -> Result<io::Result<Vec<u8>>> {
    const PIECE: usize = 1 << 20;
    let mut out = Vec::new();
    loop {
        // A vector that grows is copied into one of twice its size.
        if out.capacity() - out.len() < PIECE {
            let more = out.capacity().max(PIECE);
            check_room((out.len() as u64).saturating_add(2 * more as u64), "the unpacked file", source)?;
            if out.try_reserve_exact(more).is_err() {
                check_room(u64::MAX, "the unpacked file", source)?;
            }
        }
        match (&mut reader).take(PIECE as u64).read_to_end(&mut out) {
            Ok(0) => return Ok(Ok(out)),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Writes under a temporary name in the same directory, syncs, renames. What has the name now keeps its permissions; a
/// link is replaced, not followed, and what is no file is left alone.
pub(crate) fn write_atomic(path: &Path, body: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> Result<()> {
    check_replaceable(path)?;
    let written = (|| {
        let temporary = Temporary::new(path)?;
        let mut writer = BufWriter::with_capacity(1 << 20, &temporary.file);
        body(&mut writer)?;
        writer.flush()?;
        drop(writer);
        if cfg!(unix)
            && let Ok(about) = fs::symlink_metadata(path)
            && about.is_file()
        {
            temporary.file.set_permissions(about.permissions())?;
        }
        temporary.file.sync_all()?;
        temporary.persist(path)
    })();
    written.map_err(|error| cannot_write(path, &error))?;
    sync_directory(path);
    Ok(())
}

/// That a file may take this name: none has it, or a file or link.
///
/// # Errors
/// [`Error::Input`] for a directory, pipe or device.
pub(crate) fn check_replaceable(path: &Path) -> Result<()> {
    let Ok(about) = fs::symlink_metadata(path) else { return Ok(()) };
    let kind = about.file_type();
    if kind.is_file() || kind.is_symlink() {
        return Ok(());
    }
    let what = if kind.is_dir() { "this is a directory" } else { "this is a pipe or a device" };
    Err(Error::Input(
        Fault::new(what).at(path.display()).expected("the name of a file").advice("give the name of a new file"),
    ))
}

/// Writes bytes atomically (temporary name, sync, rename).
///
/// # Errors
/// [`Error::Input`] when the directory is not there, [`Error::File`] when writing fails.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomic(path, |w| w.write_all(bytes))
}

/// Makes the rename itself durable, where the system can open directories; a failure costs no data already visible.
pub(crate) fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(directory_of(path)) {
        let _ = directory.sync_all();
    }
}

/// The directory in which a file lies.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a directory and those above it, where they are missing, and makes that durable; how many there were to make.
///
/// # Errors
/// [`Error::File`] when the system refuses.
pub fn make_directory(path: &Path) -> Result<usize> {
    let missing = path.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).count();
    fs::create_dir_all(path).map_err(|error| cannot_write(path, &error))?;
    path.ancestors().take(missing).for_each(sync_directory);
    Ok(missing)
}
