//! Readers and writers of every file the engine shares with other programs.
//!
//! | what | read | write |
//! | --- | --- | --- |
//! | binary samples `[samples, units]` | .npy, .npz, .csv, .tsv, .txt, all also packed with gzip | .npy, .npz, .csv, .tsv |
//! | real matrices | .npy | .npy |
//! | machines | .safetensors | .safetensors |
//!
//! Samples hold {0, 1}, {−1, +1} or booleans and are taken as they are; anything else is an error that names the first
//! value in the way, never a guess. Every size in a header is checked against the file before memory is taken. Files
//! are written under a temporary name in the same directory, synced, then renamed: a reader sees the old file or the
//! whole new one.

mod binary;
mod bonds;
mod cache;
mod cell;
mod claim;
mod dtype;
mod endings;
pub(crate) mod file;
mod layout;
mod model;
mod npy;
mod npz;
mod output;
mod packed;
mod process;
mod samples;
mod table;
pub(crate) mod temporary;
pub(crate) mod tensors;

pub use bonds::{read_bonds, read_terms};
pub use cache::{cache_directory, read_cached, read_cached_bytes, write_cached, write_cached_bytes};
pub use claim::Claim;
pub(crate) use claim::is_claim;
pub use endings::Output;
pub use file::{make_directory, write_bytes};
pub(crate) use model::newer;
pub use model::{CHECKPOINT_FORMAT, MODEL_FORMAT, read_model, write_model};
pub use npy::{RealArray, read_npy, write_npy_f32, write_npy_f64, write_npy_samples};
pub use npz::write_npz;
pub use output::{check_outputs, check_samples_name, hash_file, read_units, through_links};
pub use packed::PackedFile;
pub use process::ignores_signal;
pub use samples::{Glance, glance, read, read_telling, write};
pub(crate) use table::delimiter_of;
pub use table::{write_csv, write_table};
pub use temporary::{abandon_files, scratch_name};
