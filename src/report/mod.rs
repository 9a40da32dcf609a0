//! `report.html`: one self-contained page made from the files of a run directory alone.
//!
//! The page answers, in this order, what was run and whether its promises hold, how the observables compare with exact
//! values, how the likelihood grew against its ceiling, which couplings the machine holds, how well small systems are
//! learned state by state, and how to repeat the run. It needs no device, no network and no script: tables are HTML,
//! plots are inline SVG, colours follow the reader's light or dark theme. Equal files give an equal page, byte for byte.
//!
//! [`load`] is tolerant (what is missing or damaged becomes a note on the page), [`model`] is what the page knows,
//! `page` says it in sections and `plot` draws.

mod html;
pub mod load;
mod manifest;
pub mod model;
mod npy;
mod number;
mod page;
mod plot;

use std::path::{Path, PathBuf};

use crate::data::temporary::remove_leftovers_of;
use crate::data::write_bytes;
use crate::error::Result;

pub use load::read_run;
pub use model::{PairMatrix, PointView, RunView};
pub use page::render;

/// File name of the report inside its run directory.
pub const FILE_NAME: &str = "report.html";

/// Reads `run_dir`, writes its `report.html` and returns the path of that file.
///
/// # Errors
/// [`crate::error::Error::Input`] when the directory holds no metrics at all, [`crate::error::Error::File`] when the page cannot be written.
pub fn write_report(run_dir: &Path) -> Result<PathBuf> {
    let page = render(&read_run(run_dir)?);
    let path = run_dir.join(FILE_NAME);
    remove_leftovers_of(&path);
    write_bytes(&path, page.as_bytes())?;
    Ok(path)
}
