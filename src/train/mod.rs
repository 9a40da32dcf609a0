//! Training by contrastive divergence (CD-k), drawn or of means, persistent chains (PCD-k) and tempered chains.
//!
//! ∂ ln L/∂w_ji = ⟨v_j sig(x_i)⟩_data − ⟨v_j sig(x_i)⟩_model. The data phase is a minibatch; the model phase is k Gibbs
//! steps away from it (CD, Hinton 2002), the same with means in place of draws (mean field, Welling and Hinton 2002), a set
//! of chains that never restart (PCD, Tieleman 2008), or such chains that exchange states with a ladder of other machines
//! ([`LadderState`]). With a flip symmetry in the data, each update ends its Gibbs steps with a global flip of every chain,
//! accepted by Metropolis: below a critical temperature chains freeze in one sign, and the small difference between the
//! sign balance of data and chains would drive the biases without end. Translations of the lattice are proposed likewise
//! ([`Moves`]).
//!
//! Everything is enqueued on the backend; nothing is read back inside an update but for translations, ladders of
//! machines and, every twenty updates, for the estimate of ln Z on the way ([`Online`]). Update t uses Gibbs steps `k·t .. k·(t + 1)` and rows of epoch `t / (rows / batch)`, so a training stopped and continued is the
//! same training. Rows that the device cannot hold, or that are not in memory, are fetched for the minibatches to come
//! while the device works: the same rows in the same order, so the same training.

mod augment;
mod average;
mod check;
mod health;
mod ladder;
pub mod limits;
mod online;
mod optimizer;
mod probe;
mod rows;
mod schedule;
mod start;

use std::ops::Range;

pub use self::augment::Augment;
pub use self::average::AVERAGE;
use self::average::{averages, share};
pub use self::check::check;
use self::health::finite;
pub use self::health::{check_floor, independent_likelihood, likelihood_bound, likelihood_floor};
use self::ladder::Ladder;
pub use self::ladder::{ADAPT, FREEZE, LadderState};
pub use self::limits::held_out_rows;
use self::online::Follower;
pub use self::online::{FEWEST, GROUPS, Online, OnlineState, RESAMPLE};
pub use self::optimizer::{Choice, Optimizer, coin_noise};
pub use self::probe::{MomentProbe, reconstruction_error, singular_values};
use self::rows::Fetched;
pub use self::rows::RowSource;
pub use self::schedule::Schedule;
pub use self::start::{Start, WEIGHT_SCALE, anchor, default_anchor, initial_machine};
use crate::backend::{Address, Backend, Descent, Minibatch, OptimiserState, Penalties, Phase, UpdateRule};
use crate::bits::BitMatrix;
use crate::error::{Error, Fault, Result};
use crate::lattice::Lattice;
use crate::rbm::Rbm;
use crate::rng::{Permutation, derive_seed};
use crate::sample::{Exchanges, Moves};

/// Rows of a minibatch, unless said. What a training reaches is a matter of the number of its updates more than of how well
/// each knows its gradient.
pub const BATCH: usize = 250;
/// Persistent chains, unless said. 250 are enough for the critical couplings (8 × 8 Ising rows at T_c, 64 hidden, one Gibbs
/// step, 3000 updates at η = ½: 0.6 CPU s to couplings at 0.98 of 1/T); the magnetisation of the machine at the end scatters
/// with the noise of its last chains, for 60 000 updates at T = 2.4 by 1.5 % with 250 of them.
pub const CHAINS: usize = 1000;
/// Rate of the moving average of hidden offsets, unless said: the offsets of 100 updates. A rate of 0.1 makes them follow
/// the noise of single minibatches, by which the same rows drive weights and biases: 8 × 8 Ising rows at T = 1.8, η = 1
/// without anchors, updates of one Gibbs step with 250 rows and chains, then diverge before the 120 000th, and are 0.04
/// nats off after 240 000 at 0.01.
pub const OFFSET_RATE: f64 = 0.01;

/// Where the model's chains start in every update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// At the minibatch.
    Cd,
    /// At the minibatch, with means in place of draws: not chains but mean fields. Nothing is random in them, and nothing
    /// fluctuates: ⟨m_v m_h⟩ − ⟨m_v⟩⟨m_h⟩ is only what tells rows apart, so that weights grow until fields reproduce their
    /// rows, noise and all, where hidden units suffice for it. The own distribution of a large machine follows the data for the
    /// first hundreds of updates and leaves them again: a quick start, not a way to the largest likelihood.
    MeanField,
    /// Where they were: persistent chains.
    Pcd,
    /// Where they were, or where a replica at another temperature was.
    Pt,
    /// Where they were, or where the chains of an earlier machine of this training were.
    Trajectory,
}

impl std::str::FromStr for Algorithm {
    type Err = Error;

    /// By name; hyphens are taken for underscores.
    fn from_str(text: &str) -> Result<Self> {
        match text.replace('-', "_").as_str() {
            "cd" => Ok(Self::Cd),
            "mean_field" => Ok(Self::MeanField),
            "pcd" => Ok(Self::Pcd),
            "pt" => Ok(Self::Pt),
            "trajectory" => Ok(Self::Trajectory),
            _ => Err(Error::Input(
                Fault::new(format!("algorithm \"{text}\"")).expected("cd, mean_field, pcd, pt or trajectory"),
            )),
        }
    }
}

impl Algorithm {
    /// Whether chains persist from one update to the next.
    #[must_use]
    pub fn has_chains(self) -> bool {
        match self {
            Self::Cd | Self::MeanField => false,
            Self::Pcd | Self::Pt | Self::Trajectory => true,
        }
    }
}

/// All settings of a training.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Settings {
    /// Where chains start.
    pub algorithm: Algorithm,
    /// k: Gibbs steps, or steps of the mean field.
    pub gibbs_steps: u32,
    /// Chains of the model phase (PCD; CD and mean field have as many as the minibatch has rows).
    pub chains: usize,
    /// Rows of a minibatch.
    pub batch: usize,
    /// Updates of the whole training.
    pub updates: u64,
    /// η of the first update.
    pub learning_rate: f64,
    /// How η falls.
    pub schedule: Schedule,
    /// How gradients become steps.
    pub descent: Descent,
    /// What holds parameters small.
    pub penalties: Penalties,
    /// Centred gradient.
    pub centred: bool,
    /// Factor on η for the raw bias gradients.
    pub bias_rate: f64,
    /// Rate of the moving average of hidden offsets.
    pub offset_rate: f64,
    /// Global flip moves of the chains; mean fields are not moved.
    pub flip: bool,
    /// Moves of the chains by translations of this lattice.
    pub translations: Option<Lattice>,
    /// Symmetries by which the rows of every minibatch are moved at random: the data as if they had all their images.
    pub augment: Moves,
    /// Rungs of the ladder (PT), or the most that it may have (trajectory): at least 2.
    pub rungs: usize,
    /// Chains that follow the training for its likelihood, in [`GROUPS`] groups; 0 for none.
    pub online: usize,
    /// Part of each machine in the running mean of all of them ([`AVERAGE`]); 0 for no mean.
    pub average: f64,
    /// Seed of this training.
    pub seed: u64,
}

impl Default for Settings {
    /// Of data without symmetries; everything else as where nothing is said.
    fn default() -> Self {
        let (descent, penalties) = Choice::default().resolve(BATCH, CHAINS);
        Self {
            algorithm: Algorithm::Pcd,
            gibbs_steps: limits::GIBBS_STEPS,
            chains: CHAINS,
            batch: BATCH,
            updates: limits::UPDATES,
            learning_rate: Optimizer::Auto.default_rate(),
            schedule: Schedule::Cosine,
            descent,
            penalties,
            centred: true,
            bias_rate: default_bias_rate(false),
            offset_rate: OFFSET_RATE,
            flip: false,
            translations: None,
            augment: Moves::NONE,
            rungs: limits::RUNGS,
            online: 0,
            average: 0.0,
            seed: 1,
        }
    }
}

/// What a training is besides its settings and data: all of it goes into a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Parameters.
    pub rbm: Rbm,
    /// Velocities and offsets.
    pub optimiser: OptimiserState,
    /// Persistent chains `[chains, n_visible]`.
    pub chains: BitMatrix,
    /// Updates done.
    pub update: u64,
    /// Ladder of the chains, for algorithms that have one.
    pub ladder: Option<LadderState>,
    /// ln Z on the way, where it is asked for.
    pub online: Option<OnlineState>,
    /// The running mean of the machine, where it is kept.
    pub average: Option<Rbm>,
}

impl State {
    /// The machine that the training has come to: the running mean where one is kept, else the parameters as they are.
    #[must_use]
    pub fn machine(&self) -> &Rbm {
        self.average.as_ref().unwrap_or(&self.rbm)
    }
}

/// Smoothed mean of each unit, (ones + ½) / (rows + 1): never 0 or 1.
#[must_use]
pub fn smoothed_means(data: &dyn RowSource) -> Vec<f64> {
    let rows = data.rows() as f64;
    data.ones().into_iter().map(|ones| (ones as f64 + 0.5) / (rows + 1.0)).collect()
}

/// Factor on the learning rate of the biases that serves in most cases: 0.1 for data with a flip symmetry, else 1.
///
/// The biases act on the balance of the two signs through all units at once: with N units of magnetisation ±m, a step η
/// moves the log-odds of the two modes by about η N m² times their imbalance, more than once around for η = ½ and N = 64.
/// The balance then swings between the signs until the rate has decayed. A tenth of the rate keeps that gain below 2:
/// L = 8, T = 1.8, 64 hidden, η = ½, 10 000 updates: divergence 0.18 instead of 0.23 at the end, and 1.2 instead of 8.3
/// nats after the first thousand.
#[must_use]
pub fn default_bias_rate(flip: bool) -> f64 {
    if flip { 0.1 } else { 1.0 }
}

/// The state before the first update: chains are rows of the data in shuffled order, used again when there are few.
#[must_use]
pub fn initial_state(rbm: Rbm, data: &BitMatrix, settings: &Settings) -> State {
    let rows: Vec<usize> = starts(data.rows(), settings).map(|row| row as usize).collect();
    state_from(rbm, data, data.select_rows(&rows), settings)
}

/// The same from rows wherever they are.
///
/// # Errors
/// When they cannot be read.
pub fn initial_state_of(rbm: Rbm, data: &dyn RowSource, settings: &Settings) -> Result<State> {
    let rows: Vec<u32> = starts(data.rows(), settings).collect();
    Ok(state_from(rbm, data, data.fetch(&rows)?, settings))
}

/// Rows at which the chains start.
fn starts(rows: usize, settings: &Settings) -> impl Iterator<Item = u32> {
    let order = Permutation::new(derive_seed(settings.seed, "chains"), 0, rows as u32);
    (0..settings.chains).map(move |r| order.row((r % rows) as u32))
}

fn state_from(rbm: Rbm, data: &dyn RowSource, chains: BitMatrix, settings: &Settings) -> State {
    let means = smoothed_means(data);
    let ladder = LadderState::new(settings, &chains, rbm.n_hidden, &means);
    let online = OnlineState::new(settings, rbm.n_hidden, &means);
    let offsets = means.into_iter().map(|m| m as f32).collect();
    State {
        optimiser: OptimiserState::at_rest(&rbm, &settings.descent, offsets),
        average: (settings.average > 0.0).then(|| rbm.clone()),
        rbm,
        chains,
        update: 0,
        ladder,
        online,
    }
}

/// The data set of a training in progress.
enum Data<'a, B: Backend> {
    Resident(B::States),
    /// Not all on the device, or moved before they are used.
    Streamed(&'a dyn RowSource),
}

/// The chains of a training in progress, where they persist.
enum Chains<'a, B: Backend> {
    Plain(B::States),
    Tempered(Box<Ladder<'a, B>>),
}

impl<B: Backend> Chains<'_, B> {
    /// Chains of the machine itself.
    fn states(&self) -> &B::States {
        match self {
            Self::Plain(chains) => chains,
            Self::Tempered(ladder) => ladder.last(),
        }
    }
}

/// A training in progress on a backend.
pub struct Trainer<'a, B: Backend> {
    backend: &'a B,
    settings: &'a Settings,
    rows: u32,
    data: Data<'a, B>,
    batch: B::States,
    chains: Chains<'a, B>,
    params: B::Params,
    average: Option<B::Params>,
    moments: B::Moments,
    follower: Option<Follower<'a, B>>,
    update: u64,
}

impl<'a, B: Backend> Trainer<'a, B> {
    /// Uploads state and data; data that are not in memory, or that the device cannot hold, are streamed.
    ///
    /// # Errors
    /// [`Error::Input`] when settings and data do not fit each other, [`Error::Device`] when the device cannot hold the
    /// state.
    pub fn new(backend: &'a B, settings: &'a Settings, data: &'a dyn RowSource, state: &State) -> Result<Self> {
        if data.units() != state.rbm.n_visible {
            return Err(Error::Input(
                Fault::new(format!("the data have {} units, the model {}", data.units(), state.rbm.n_visible))
                    .at("train")
                    .expected("as many visible units as the data have columns")
                    .advice("train a new model on these data"),
            ));
        }
        check(settings, data, state.rbm.n_hidden)?;
        if settings.descent.is_adaptive() && state.optimiser.square.is_none() {
            return Err(Error::Input(
                Fault::new("the state has no second moments")
                    .at("train")
                    .expected("those of a training with the same optimizer")
                    .advice("begin a new training"),
            ));
        }
        let batch = BitMatrix::zeros(settings.batch, data.units());
        let params = backend.upload_params(&state.rbm, Some(&state.optimiser))?;
        Ok(Self {
            backend,
            settings,
            rows: data.rows() as u32,
            batch: backend.upload_states(&batch)?,
            chains: match &state.ladder {
                Some(ladder) => {
                    let ladder = Ladder::new(backend, &params, settings, ladder, &smoothed_means(data))?;
                    Chains::Tempered(Box::new(ladder))
                }
                None => Chains::Plain(backend.upload_states(&state.chains)?),
            },
            moments: backend.new_moments(&params)?,
            follower: state.online.as_ref().map(|state| Follower::new(backend, settings, state)).transpose()?,
            average: state.average.as_ref().map(|mean| backend.upload_params(mean, None)).transpose()?,
            params,
            update: state.update,
            // Last, so that the data make way for everything else.
            data: match data.in_memory().filter(|_| settings.augment == Moves::NONE).map(|d| backend.upload_states(d)) {
                Some(Ok(data)) => Data::Resident(data),
                Some(Err(Error::Device(_))) | None => Data::Streamed(data),
                Some(Err(error)) => return Err(error),
            },
        })
    }

    /// Whether rows are fetched for every minibatch because the device does not hold them all, or to be moved.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        matches!(self.data, Data::Streamed(_))
    }

    /// Updates done.
    #[must_use]
    pub fn update_count(&self) -> u64 {
        self.update
    }

    /// Parameters on the device, which move with every update.
    #[must_use]
    pub fn params(&self) -> &B::Params {
        &self.params
    }

    /// The machine that the training has come to, on the device: as [`State::machine`].
    #[must_use]
    pub fn machine(&self) -> &B::Params {
        self.average.as_ref().unwrap_or(&self.params)
    }

    /// Chains on the device.
    #[must_use]
    pub fn chains(&self) -> &B::States {
        self.chains.states()
    }

    fn ladder(&self) -> Option<&Ladder<'a, B>> {
        match &self.chains {
            Chains::Plain(_) => None,
            Chains::Tempered(ladder) => Some(ladder),
        }
    }

    /// What exchanges did since the training began; None without a ladder.
    #[must_use]
    pub fn exchanges(&self) -> Option<Exchanges> {
        self.ladder().map(Ladder::exchanges)
    }

    /// What chains that follow the training know of ln Z of [`Trainer::machine`]; None without them.
    ///
    /// # Errors
    /// Device failures.
    pub fn online(&self) -> Result<Option<Online>> {
        let Some(follower) = &self.follower else { return Ok(None) };
        follower.estimate(&self.backend.read_params(self.machine())?.0).map(Some)
    }

    /// Enqueues updates up to number `until` (not beyond the settings' total) and waits for them.
    ///
    /// # Errors
    /// Device failures; by trajectory or with chains that follow, [`Error::Numerics`] when a parameter is no longer finite.
    pub fn advance(&mut self, until: u64) -> Result<()> {
        let updates = self.update..until.min(self.settings.updates);
        if updates.is_empty() {
            return self.backend.finish();
        }
        let backend = self.backend;
        backend.attended(|| self.enqueue(updates))?;
        if let Chains::Tempered(ladder) = &mut self.chains {
            ladder.settle()?;
        }
        backend.finish()
    }

    fn enqueue(&mut self, updates: Range<u64>) -> Result<()> {
        let settings = self.settings;
        match self.data {
            Data::Resident(_) => {
                for t in updates {
                    if let Data::Resident(data) = &self.data {
                        self.backend.gather(data, &minibatch(settings, self.rows, t), &mut self.batch);
                    }
                    self.one_update()?;
                }
                Ok(())
            }
            Data::Streamed(source) => Fetched::beside(source, settings, updates.clone(), |fetched| {
                updates.into_iter().try_for_each(|_| {
                    self.backend.write_states(&mut self.batch, &fetched.next(settings.batch)?)?;
                    self.one_update()
                })
            }),
        }
    }

    fn one_update(&mut self) -> Result<()> {
        let (backend, s, t) = (self.backend, self.settings, self.update);
        backend.accumulate_moments(&self.params, &self.batch, Phase::Data, &mut self.moments);
        let chains = match &mut self.chains {
            Chains::Tempered(ladder) => {
                ladder.update(&self.params, s, t)?;
                Some(ladder.last())
            }
            Chains::Plain(_) if s.algorithm == Algorithm::MeanField => None,
            Chains::Plain(chains) => {
                let chains = if s.algorithm == Algorithm::Cd { &mut self.batch } else { chains };
                let address = Address::new(s.seed);
                let first = t as u32 * s.gibbs_steps;
                backend.gibbs(&self.params, chains, address, first..first + s.gibbs_steps);
                let moves = Moves { flip: s.flip, translations: s.translations };
                moves.apply(backend, &self.params, chains, address, t as u32, t)?;
                Some(&*chains)
            }
        };
        match chains {
            Some(chains) => backend.accumulate_moments(&self.params, chains, Phase::Model, &mut self.moments),
            None => backend.subtract_mean_field(&self.params, &self.batch, s.gibbs_steps, &mut self.moments),
        }
        let rule = UpdateRule {
            learning_rate: s.schedule.rate(s.learning_rate, t, s.updates),
            descent: s.descent,
            penalties: s.penalties,
            update: t,
            bias_rate: s.bias_rate as f32,
            centred: s.centred,
            offset_rate: s.offset_rate as f32,
        };
        backend.update(&mut self.params, &self.moments, &rule);
        self.update += 1;
        if let Some(average) = self.average.as_mut().filter(|_| averages(self.update)) {
            backend.approach(average, &self.params, share(s.average, self.update) as f32);
        }
        let Some(follower) = &mut self.follower else { return Ok(()) };
        follower.follow(self.update, || finite(backend.read_params(&self.params)?.0, self.update, s.learning_rate))
    }

    /// Root mean square over the weights of ⟨v h⟩ of `rows` minus ⟨v h⟩ of the chains: the gradient of the mean
    /// log-likelihood of the rows by a weight. Takes no more rows than an update does, for which there is room. The
    /// training goes on as if it had not been looked at.
    ///
    /// # Errors
    /// Device failures.
    pub fn gradient_rms(&mut self, rows: &BitMatrix) -> Result<f64> {
        let most = self.settings.batch.max(self.settings.chains).min(rows.rows());
        let rows = self.backend.upload_states(&rows.slice_rows(0..most))?;
        // Every update begins them anew.
        self.backend.accumulate_moments(&self.params, &rows, Phase::Data, &mut self.moments);
        self.backend.accumulate_moments(&self.params, self.chains.states(), Phase::Model, &mut self.moments);
        let products = self.backend.read_moments(&self.moments)?.products;
        let squares: f64 = products.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        Ok((squares / products.len().max(1) as f64).sqrt())
    }

    /// Reads everything that makes up the training now.
    ///
    /// # Errors
    /// [`Error::Numerics`] when a parameter is no longer finite, device failures.
    pub fn state(&self) -> Result<State> {
        let (rbm, optimiser) = self.backend.read_params(&self.params)?;
        let rbm = finite(rbm, self.update, self.settings.learning_rate)?;
        let ladder = self.ladder().map(Ladder::state).transpose()?;
        let online = self.follower.as_ref().map(Follower::state).transpose()?;
        let chains = self.backend.read_states(self.chains())?;
        let average = self.average.as_ref().map(|mean| Ok(self.backend.read_params(mean)?.0)).transpose()?;
        Ok(State { rbm, optimiser, chains, update: self.update, ladder, online, average })
    }
}

/// Rows of update `t`.
fn minibatch(settings: &Settings, rows: u32, t: u64) -> Minibatch {
    let per_epoch = u64::from(rows) / settings.batch as u64;
    Minibatch {
        permutation: Permutation::new(settings.seed, (t / per_epoch) as u32, rows),
        first: (t % per_epoch) as u32 * settings.batch as u32,
        count: settings.batch as u32,
    }
}
