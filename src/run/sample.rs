//! The sampling stage: samples of a machine, on a ladder where one is asked for.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::events::{Event, Listener};
use crate::likelihood::Length;
use crate::rbm::Rbm;
use crate::record::{ChainsRecord, StuckRecord};
use crate::sample::{Agreement, Rungs, Sampled, Stuck, sample_tempered};
pub use crate::settings::{SamplePlan, Tempering};

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
    let sampled = sample_tempered(backend, rbm, &plan.settings, &rungs, plan.translations, start, listener)?;
    for warning in chains(&sampled).warnings {
        listener.event(Event::Warning(warning));
    }
    Ok(sampled)
}

/// What is written down about the chains.
#[must_use]
pub fn chains(sampled: &Sampled) -> ChainsRecord {
    let Agreement { r_hat, effective_samples, stuck } = &sampled.agreement;
    let stuck = stuck.as_ref().map(|Stuck { observable, looks, apart }| StuckRecord {
        observable: (*observable).to_string(),
        upper: looks.upper(),
        stayed: looks.stayed(),
        by_chance: looks.by_chance(),
        apart: *apart,
    });
    let cure =
        if sampled.exchanges.is_some() { "more rungs or steps carry" } else { "sample with tempering, which carries" };
    let warning = stuck.as_ref().map(|stuck| {
        format!(
            "chains stay in the modes where they began: {:.1} % of them are {} Gibbs steps later on the same side of \
             {}, where chance would leave {:.1} %; the shares of the modes in these samples, {:.3} and {:.3}, are those of \
             the start and not of the machine, and all are worth about {effective_samples:.0} independent samples; {cure} \
             chains between modes",
            100.0 * stuck.stayed,
            stuck.apart,
            stuck.observable,
            100.0 * stuck.by_chance,
            1.0 - stuck.upper[1],
            stuck.upper[1]
        )
    });
    ChainsRecord {
        chains: sampled.chains,
        samples: sampled.samples.rows(),
        r_hat: *r_hat,
        effective_samples: *effective_samples,
        stuck,
        warnings: warning.into_iter().collect(),
    }
}
