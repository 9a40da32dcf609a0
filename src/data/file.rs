//! Whole files in and out: bounded reads, hashes, atomic writes.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::temporary::Temporary;
use crate::error::{Error, Fault, Result};

/// Most bytes that decompression may make of one file or archive member: a guard against files that unpack to more
/// than any machine holds.
pub(crate) const MAX_UNPACKED: u64 = 1 << 34;

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

/// A text file of at most `limit` bytes.
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
    String::from_utf8(bytes).map_err(|e| {
        Error::Input(
            Fault::new(format!("byte {} is not UTF-8 text", e.utf8_error().valid_up_to()))
                .at(path.display())
                .expected("UTF-8 text"),
        )
    })
}

/// Unpacks gzip, at most [`MAX_UNPACKED`] bytes.
pub(crate) fn gunzip(bytes: &[u8], source: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let reader = flate2::read::MultiGzDecoder::new(bytes);
    reader.take(MAX_UNPACKED + 1).read_to_end(&mut out).map_err(|e| {
        Error::Input(
            Fault::new(format!("cannot unpack: {e}"))
                .at(source)
                .expected("a whole gzip file")
                .advice("the file is truncated or damaged: fetch it again"),
        )
    })?;
    if out.len() as u64 > MAX_UNPACKED {
        return Err(Error::Input(
            Fault::new("the file unpacks to too much")
                .at(source)
                .expected(format!("at most {MAX_UNPACKED} bytes unpacked")),
        ));
    }
    Ok(out)
}

/// SHA-256 in 64 hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct ByteHash(Sha256);

impl ByteHash {
    /// Adds a piece.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces in 64 hexadecimal digits.
    #[must_use]
    pub fn hex(self) -> String {
        hex(&self.0.finalize())
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
