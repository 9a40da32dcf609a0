//! What is said about a machine besides its parameters.

use crate::data::{DataSet, Model, ModelMeta, Provenance};
use crate::likelihood::base_bias;
use crate::rbm::Rbm;
use crate::settings::TrainPlan;
use crate::train::{RowSource, smoothed_means};

/// A model file's content after a training.
#[must_use]
pub fn model_of(
    rbm: &Rbm,
    data: &DataSet,
    trained_on: &dyn RowSource,
    plan: &TrainPlan,
    updates: u64,
    command: &[String],
) -> Model {
    let mut meta = meta_of(data, trained_on, plan, command);
    meta.provenance.updates = Some(updates);
    Model { rbm: rbm.clone(), meta }
}

/// What a model and the checkpoints of its training say besides their parameters.
#[must_use]
pub fn meta_of(data: &DataSet, trained_on: &dyn RowSource, plan: &TrainPlan, command: &[String]) -> ModelMeta {
    let mut meta = ModelMeta {
        units: plan.units,
        names: data.names.clone(),
        lattice: data.lattice,
        temperature: data.temperature,
        data_means: Some(smoothed_means(trained_on)),
        ..ModelMeta::default()
    };
    meta.provenance = Provenance {
        seed: Some(plan.settings.seed),
        command: Some(command.join(" ")),
        data: Some(data.source.clone()),
        data_sha256: (!data.sha256.is_empty()).then(|| data.sha256.clone()),
        held_out: plan.held_out.as_ref().map(|file| file.path.clone()),
        held_out_sha256: plan.held_out.as_ref().map(|file| file.sha256.clone()),
        training: serde_json::to_value(&plan.settings).ok(),
        ..meta.provenance
    };
    meta
}

/// Base of AIS: the means of the training data where the file has them, else the visible biases themselves.
#[must_use]
pub fn base_of(model: &Model) -> Vec<f32> {
    model.meta.data_means.as_ref().map_or_else(|| model.rbm.visible_bias.clone(), |means| base_bias(means))
}
