//! `gibbsite likelihood MODEL [DATA]`.

use crate::backend::Backend;
use crate::bits::BitMatrix;
use crate::cli::args::{Global, LikelihoodArgs, ReverseName};
use crate::cli::commands::sample::machines;
use crate::cli::console::Console;
use crate::cli::{failed, text};
use crate::data::{self, Model, read_model};
use crate::error::{Error, Fault, Result};
use crate::events::{Event, Listener};
use crate::likelihood::base_bias;
use crate::record::LikelihoodRecord;
use crate::run::Source;
use crate::run::device::{Job, with_backend};
use crate::run::likelihood::{Enumerate, Ladder, LikelihoodPlan, Reverse, likelihood as likelihood_stage};
use crate::run::scenario::base_of;
use crate::train::smoothed_means;

pub(in crate::cli) fn likelihood(args: &LikelihoodArgs, global: &Global, console: &mut Console) -> Result<()> {
    let model = read_model(&args.model)?;
    let source = args.data.as_deref().map(data::read).transpose()?.map(Source::from_data);
    if let Some(source) = &source
        && source.data.samples.cols() != model.rbm.n_visible
    {
        return Err(Error::Input(
            Fault::new(format!(
                "{} units in the data, {} in the model",
                source.data.samples.cols(),
                model.rbm.n_visible
            ))
            .at(&source.data.source)
            .expected("data with the columns the model was trained on"),
        ));
    }
    if args.betas < 2 || args.betas > 1 << 24 || args.chains < 2 || args.chains > 1 << 24 {
        return Err(Error::Input(
            Fault::new(format!("{} chains over {} inverse temperatures", args.chains, args.betas))
                .at("--chains, --betas")
                .expected("2 to 16777216 of each"),
        ));
    }
    let plan = LikelihoodPlan {
        chains: args.chains,
        ladder: ladder(&args.ladder, args.betas - 1)?,
        reverse: match args.reverse {
            ReverseName::Auto if !args.trajectory.is_empty() => Reverse::Tempering,
            ReverseName::Auto => Reverse::Auto,
            ReverseName::Exact => Reverse::Exact,
            ReverseName::Tempering => Reverse::Tempering,
            ReverseName::Off => Reverse::Off,
        },
        trajectory: machines(&args.trajectory)?,
        enumerate: if args.exact { Enumerate::Always } else { Enumerate::Auto },
        seed: global.seed(),
    };
    // A stored model knows the means of its training data; other models take those of the data given.
    let base = match (&model.meta.data_means, &source) {
        (None, Some(source)) => base_bias(&smoothed_means(&source.data.samples)),
        _ => base_of(&model),
    };
    let listener = console.listener();
    listener.event(Event::Info(format!("seed {}", global.seed())));
    let job = Likelihood { model: &model, source: source.as_ref(), plan: &plan, base: &base, listener };
    let units = model.meta.units;
    let record = with_backend(&global.device_request(), job)?.in_units(units, model.rbm.in_units(units).1);
    console.result(&record, &text::likelihood(&record))?;
    match record.warnings.first() {
        Some(warning) if args.strict => Err(failed(warning.clone())),
        _ => Ok(()),
    }
}

/// `linear`, `adaptive`, or inverse temperatures from 0 to 1.
fn ladder(text: &str, steps: usize) -> Result<Ladder> {
    match text {
        "linear" => return Ok(Ladder::Linear(steps)),
        "adaptive" => return Ok(Ladder::Adaptive(steps)),
        _ => {}
    }
    let betas: Option<Vec<f64>> = text.split(',').map(|beta| beta.trim().parse().ok()).collect();
    let rises = |betas: &Vec<f64>| {
        betas.first() == Some(&0.0) && betas.last() == Some(&1.0) && betas.windows(2).all(|pair| pair[0] < pair[1])
    };
    betas.filter(rises).map(Ladder::Chosen).ok_or_else(|| {
        Error::Input(
            Fault::new(format!("ladder `{text}`"))
                .at("--ladder")
                .expected("adaptive, linear, or inverse temperatures that rise from 0 to 1, such as 0,0.2,0.5,1"),
        )
    })
}

struct Likelihood<'a, L> {
    model: &'a Model,
    source: Option<&'a Source>,
    plan: &'a LikelihoodPlan,
    base: &'a [f32],
    listener: &'a mut L,
}

impl<L: Listener + Send> Job for Likelihood<'_, L> {
    type Output = LikelihoodRecord;

    fn run<B: Backend>(self, backend: &B) -> Result<LikelihoodRecord> {
        let sets: Vec<(&str, &BitMatrix)> = self.source.iter().map(|s| ("data", &s.data.samples)).collect();
        likelihood_stage(backend, self.plan, &self.model.rbm, self.base, &sets, self.source, self.listener)
    }
}
