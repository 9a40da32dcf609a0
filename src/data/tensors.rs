//! The .safetensors container: named tensors and a map of texts, shared by models and checkpoints.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Fault, Result};

/// The metadata key that holds everything which is not a tensor, as JSON.
pub(crate) const METADATA_KEY: &str = "gibbsite";

/// A tensor to write: name, type, shape (slowest index first), little-endian bytes.
pub(crate) struct Tensor {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    pub(crate) fn f32(name: &'static str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    pub(crate) fn u32(name: &'static str, shape: &[usize], values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { name, dtype: Dtype::U32, shape: shape.to_vec(), bytes }
    }
}

/// A whole file from its tensors and metadata; the order of tensors in the file is fixed by type and name.
pub(crate) fn encode(tensors: &[Tensor], metadata: String) -> std::result::Result<Vec<u8>, Fault> {
    let views: std::result::Result<Vec<_>, _> =
        tensors.iter().map(|t| Ok((t.name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes)?))).collect();
    let metadata = HashMap::from([(METADATA_KEY.to_string(), metadata)]);
    views
        .and_then(|views| safetensors::serialize(views, Some(metadata)))
        .map_err(|e| Fault::new(format!("cannot make a .safetensors file: {e}")))
}

/// A file that was read: tensors and metadata, all offsets checked against its length.
pub(crate) struct File<'a> {
    tensors: SafeTensors<'a>,
    /// JSON of the key [`METADATA_KEY`], where present.
    pub(crate) metadata: Option<String>,
}

impl<'a> File<'a> {
    /// Parses a whole file.
    pub(crate) fn decode(bytes: &'a [u8], source: &str) -> std::result::Result<Self, Fault> {
        let broken = |e| {
            Fault::new(format!("cannot read the file: {e}"))
                .at(source)
                .expected("a whole .safetensors file")
                .advice("the file is truncated, damaged or of another kind")
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let metadata = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)).cloned();
        Ok(Self { tensors: SafeTensors::deserialize(bytes).map_err(broken)?, metadata })
    }

    fn view(&self, name: &str, dtype: Dtype, source: &str) -> std::result::Result<TensorView<'a>, Fault> {
        let view = self.tensors.tensor(name).map_err(|_| {
            let mut names = self.tensors.names();
            names.sort_unstable();
            Fault::new(format!("no tensor `{name}`, only: {}", names.join(", ")))
                .at(source)
                .expected(format!("a tensor `{name}`"))
        })?;
        if view.dtype() != dtype {
            return Err(Fault::new(format!("tensor `{name}` holds {:?}", view.dtype()))
                .at(source)
                .expected(format!("{dtype:?}")));
        }
        Ok(view)
    }

    /// Shape and numbers of an f32 tensor.
    pub(crate) fn f32(&self, name: &str, source: &str) -> std::result::Result<(Vec<usize>, Vec<f32>), Fault> {
        let view = self.view(name, Dtype::F32, source)?;
        let words = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok((view.shape().to_vec(), words.collect()))
    }

    /// Numbers of an f32 tensor that must have this shape.
    pub(crate) fn f32_of(&self, name: &str, shape: &[usize], source: &str) -> std::result::Result<Vec<f32>, Fault> {
        let (found, values) = self.f32(name, source)?;
        if found != shape {
            return Err(Fault::new(format!("tensor `{name}` has shape {found:?}"))
                .at(source)
                .expected(format!("shape {shape:?}")));
        }
        Ok(values)
    }

    /// Shape and numbers of a u32 tensor.
    pub(crate) fn u32(&self, name: &str, source: &str) -> std::result::Result<(Vec<usize>, Vec<u32>), Fault> {
        let view = self.view(name, Dtype::U32, source)?;
        let words = view.data().chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok((view.shape().to_vec(), words.collect()))
    }
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
