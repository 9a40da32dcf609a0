//! The .safetensors container: named tensors and a map of texts, shared by models and checkpoints.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorInfo};

use super::file::write_atomic;
use crate::error::{Error, Fault, Result};

/// The metadata key that holds everything which is not a tensor, as JSON.
pub(crate) const METADATA_KEY: &str = "gibbsite";

/// A tensor to write: name, type, shape (slowest index first), little-endian bytes.
pub(crate) struct Tensor<'a> {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Tensor<'a> {
    pub(crate) fn f32(name: &'static str, shape: &[usize], values: &'a [f32]) -> Self {
        Self { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes: little_endian(values, |x| x.to_le_bytes()) }
    }

    pub(crate) fn u32(name: &'static str, shape: &[usize], values: &'a [u32]) -> Self {
        Self { name, dtype: Dtype::U32, shape: shape.to_vec(), bytes: little_endian(values, |x| x.to_le_bytes()) }
    }

    /// With a copy of its numbers, where they were put together for the file alone.
    pub(crate) fn into_owned(self) -> Tensor<'static> {
        Tensor { name: self.name, dtype: self.dtype, shape: self.shape, bytes: Cow::Owned(self.bytes.into_owned()) }
    }
}

/// The numbers as they stand in the file: where they are in memory on most machines.
fn little_endian<T: bytemuck::Pod>(values: &[T], bytes: impl Fn(&T) -> [u8; 4]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(values))
    } else {
        Cow::Owned(values.iter().flat_map(bytes).collect())
    }
}

/// Writes a file atomically from its tensors and metadata; the order of tensors in the file is fixed by type and name.
/// Nothing of the size of a tensor is taken: a large machine's checkpoint is no larger in memory than the machine.
pub(crate) fn write(path: &Path, tensors: &[Tensor<'_>], metadata: String) -> Result<()> {
    let mut order: Vec<&Tensor<'_>> = tensors.iter().collect();
    order.sort_by(|a, b| b.dtype.cmp(&a.dtype).then(a.name.cmp(b.name)));
    let mut end = 0;
    let entries = order.iter().map(|tensor| {
        let first = end;
        end += tensor.bytes.len();
        let info = TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets: (first, end) };
        (tensor.name.to_string(), info)
    });
    let metadata = HashMap::from([(METADATA_KEY.to_string(), metadata)]);
    let cannot =
        |e: String| Error::File(Fault::new(format!("cannot make a .safetensors file: {e}")).at(path.display()));
    let header = Metadata::new(Some(metadata), entries.collect()).map_err(|e| cannot(e.to_string()))?;
    let mut header = serde_json::to_vec(&header).map_err(|e| cannot(e.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    write_atomic(path, |writer| {
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        order.iter().try_for_each(|tensor| writer.write_all(&tensor.bytes))
    })
}

/// A file that was read: tensors and metadata, all offsets checked against its length.
pub(crate) struct File<'a> {
    header: Metadata,
    /// The numbers of all tensors.
    body: &'a [u8],
    /// JSON of the key [`METADATA_KEY`], where present.
    pub(crate) metadata: Option<String>,
}

/// Most tensors that a file may have: a header takes some thousand bytes of memory for each.
const MOST_TENSORS: usize = 10_000;
/// Names that are listed in a message.
const LISTED: usize = 8;

impl<'a> File<'a> {
    /// Parses a whole file.
    pub(crate) fn decode(bytes: &'a [u8], source: &str) -> std::result::Result<Self, Fault> {
        let broken = |what: String| {
            Fault::new(what)
                .at(source)
                .expected("a whole .safetensors file")
                .advice("the file is truncated, damaged or of another kind")
        };
        // Every tensor has this key; what the metadata hold of them is text with its quotes escaped.
        let header = bytes.get(8..).unwrap_or_default();
        let length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
        let header = &header[..header.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        let count = count_of(header, b"\"data_offsets\"");
        if count > MOST_TENSORS {
            return Err(broken(format!("the file has {count} tensors")).expected(format!("at most {MOST_TENSORS}")));
        }
        let (length, header) =
            SafeTensors::read_metadata(bytes).map_err(|e| broken(format!("cannot read the file: {e}")))?;
        let metadata = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)).cloned();
        Ok(Self { header, body: &bytes[8 + length..], metadata })
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.header.info(name).is_some()
    }

    fn view(&self, name: &str, source: &str) -> std::result::Result<(&TensorInfo, &'a [u8]), Fault> {
        let info = self.header.info(name).ok_or_else(|| {
            let mut names = self.header.offset_keys();
            names.sort_unstable();
            let more = if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
            names.truncate(LISTED);
            Fault::new(format!("no tensor `{name}`, only: {}{more}", names.join(", ")))
                .at(source)
                .expected(format!("a tensor `{name}`"))
                .advice(
                    "save a machine as weights [n_visible, n_hidden], visible_bias [n_visible] and hidden_bias [n_hidden]",
                )
        })?;
        let (first, end) = info.data_offsets;
        Ok((info, &self.body[first..end]))
    }

    /// Shape and numbers of a tensor of real numbers of any width.
    pub(crate) fn f32(&self, name: &str, source: &str) -> std::result::Result<(Vec<usize>, Vec<f32>), Fault> {
        let (info, bytes) = self.view(name, source)?;
        let values = match info.dtype {
            Dtype::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::BF16 => bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::F64 => {
                let wide = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
                let narrow = |(i, x): (usize, f64)| {
                    let narrow = x as f32;
                    // What is not finite in the file is named by the checks of the machine.
                    let fits = narrow.is_finite() || !x.is_finite();
                    fits.then_some(narrow).ok_or_else(|| {
                        Fault::new(format!("tensor `{name}` holds {x:e} at index {i}"))
                            .at(source)
                            .expected(format!("numbers of magnitude up to {:e}, as f32 holds them", f32::MAX))
                    })
                };
                wide.enumerate().map(narrow).collect::<std::result::Result<_, _>>()?
            }
            other => {
                return Err(Fault::new(format!("tensor `{name}` holds {other:?}"))
                    .at(source)
                    .expected("real numbers: F16, BF16, F32 or F64")
                    .advice("convert it first: array.astype(\"f4\")"));
            }
        };
        Ok((info.shape.clone(), values))
    }

    /// Numbers of a tensor of real numbers that must have this shape.
    pub(crate) fn f32_of(&self, name: &str, shape: &[usize], source: &str) -> std::result::Result<Vec<f32>, Fault> {
        let (found, values) = self.f32(name, source)?;
        // A list may be a row or a column of a matrix.
        let is_list = |found: &[usize]| matches!((found, shape), (&[1, n] | &[n, 1], &[m]) if n == m);
        if found != shape && !is_list(&found) {
            return Err(Fault::new(format!("tensor `{name}` has shape {found:?}"))
                .at(source)
                .expected(format!("shape {shape:?}")));
        }
        Ok(values)
    }

    /// Shape and numbers of a u32 tensor.
    pub(crate) fn u32(&self, name: &str, source: &str) -> std::result::Result<(Vec<usize>, Vec<u32>), Fault> {
        let (info, bytes) = self.view(name, source)?;
        if info.dtype != Dtype::U32 {
            return Err(Fault::new(format!("tensor `{name}` holds {:?}", info.dtype)).at(source).expected("U32"));
        }
        Ok((info.shape.clone(), bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()))
    }

    /// Number of elements of a tensor, where it is there.
    fn size(&self, name: &str) -> Option<usize> {
        self.header.info(name).map(|info| info.shape.iter().product())
    }
}

/// How often `word` occurs in `text`.
fn count_of(text: &[u8], word: &[u8]) -> usize {
    text.windows(word.len()).filter(|window| *window == word).count()
}

/// Weights and biases under their names, each with `prefix` in front.
pub(crate) fn rbm_of(file: &File<'_>, names: [&str; 3], source: &str) -> std::result::Result<crate::rbm::Rbm, Fault> {
    let (shape, weights) = file.f32(names[0], source)?;
    let [n_visible, n_hidden] = shape[..] else {
        return Err(Fault::new(format!("tensor `{}` has shape {shape:?}", names[0]))
            .at(source)
            .expected("two dimensions, [n_visible, n_hidden]"));
    };
    if n_visible == 0 || n_hidden == 0 || n_visible.checked_mul(n_hidden).is_none_or(|n| n > crate::rbm::MAX_WEIGHTS) {
        return Err(Fault::new(format!("{n_visible} visible and {n_hidden} hidden units"))
            .at(source)
            .expected(format!("at least one of each and at most {} weights", crate::rbm::MAX_WEIGHTS)));
    }
    if n_visible != n_hidden && (file.size(names[1]), file.size(names[2])) == (Some(n_hidden), Some(n_visible)) {
        return Err(Fault::new(format!("tensor `{}` has shape {shape:?}, transposed to its biases", names[0]))
            .at(source)
            .expected(format!("shape [{n_hidden}, {n_visible}], [n_visible, n_hidden]"))
            .advice(format!("save {0}=numpy.ascontiguousarray({0}.T)", names[0])));
    }
    let visible_bias = file.f32_of(names[1], &[n_visible], source)?;
    let hidden_bias = file.f32_of(names[2], &[n_hidden], source)?;
    Ok(crate::rbm::Rbm { n_visible, n_hidden, weights, visible_bias, hidden_bias })
}

/// Repeats [`crate::rbm::Rbm::validate`] with the file's name in the message.
pub(crate) fn validate(rbm: &crate::rbm::Rbm, source: &str) -> std::result::Result<(), Fault> {
    let outcome: Result<()> = rbm.validate();
    outcome.map_err(|e| match e {
        crate::Error::Input(fault) => fault.at(source),
        other => Fault::new(other.to_string()).at(source),
    })
}
