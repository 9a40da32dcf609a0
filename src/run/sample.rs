//! The sampling stage: samples of a machine, on a ladder where one is asked for.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::Listener;
use crate::lattice::Lattice;
use crate::likelihood::Length;
use crate::rbm::Rbm;
use crate::sample::{Rungs, Sampled, Settings, sample_tempered};

/// Which replicas exchange with the chains, as asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Tempering {
    /// None.
    Off,
    /// Those at as many temperatures as the machine needs.
    Auto,
    /// Those at so many temperatures, that of the machine itself included.
    Rungs(usize),
    /// Those at these machines, the lowest first.
    Machines(Vec<Rbm>),
}

/// What to sample.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplePlan {
    /// Chains and steps.
    pub settings: Settings,
    /// Replicas.
    pub tempering: Tempering,
    /// Moves of the chains by translations of this lattice.
    pub translations: Option<Lattice>,
}

/// Samples `rbm` from chains that begin at `start`, or at independent units; temperatures are over the visible biases
/// `base`.
///
/// # Errors
/// As [`sample_tempered`].
pub fn sample<B: Backend>(
    backend: &B,
    plan: &SamplePlan,
    rbm: &Rbm,
    base: &[f32],
    start: Option<&BitMatrix>,
    listener: &mut dyn Listener,
) -> Result<Sampled> {
    let by_temperature = |rungs: Option<usize>| -> Result<Rungs> {
        let length = Length::measure(backend, &backend.upload_params(rbm, None)?, base, plan.settings.seed)?;
        let rungs = rungs.unwrap_or_else(|| length.rungs());
        Ok(Rungs::Temperatures { betas: length.ladder(rungs - 1), base: base.to_vec() })
    };
    let rungs = match &plan.tempering {
        Tempering::Off => Rungs::None,
        Tempering::Auto => by_temperature(None)?,
        Tempering::Rungs(rungs) => by_temperature(Some(*rungs))?,
        Tempering::Machines(machines) => Rungs::Machines(machines.clone()),
    };
    sample_tempered(backend, rbm, &plan.settings, &rungs, plan.translations, start, listener)
}
