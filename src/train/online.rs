//! ln Z of a machine in training, found on the way: annealed importance sampling along the training itself.
//!
//! A machine of its own, the *guide*, starts without weights, where ln Z0 is known and chains are drawn exactly, and
//! follows the training: at a *look* θ' ← θ' + α (θ − θ'), log w += ln p*_new(v) − ln p*_old(v) for each of its chains,
//! and the chains take Gibbs steps (and a flip, where the training has them) under the guide as it is now. ⟨w⟩ = Z'/Z0 for
//! any path (Neal 2001). From the guide to the machine itself it is a few steps of annealing, taken by a copy of the chains
//! when a metric asks for them. A mean of exponentials errs low in ln Z and high in the likelihood, as forward annealing.
//!
//! Krause, Fischer and Igel, Artif. Intell. 278, 103195 (2020), and Carbone et al., NeurIPS 2023, weigh the persistent
//! chains by every update. The noise of minibatches then costs about half the variance of log w of every update: 8 × 8
//! Ising rows at T_c, 64 hidden, η = ½, 10 000 updates: 0.013 nats each, and likelihoods of 110 to 330 where −18 is right.
//! The guide is a moving average, in which that noise cancels. Chains of its own leave the training as it is.
//!
//! Chains are in [`GROUPS`] independent groups. Where the effective sample size of a group falls under [`RESAMPLE`] of its
//! chains, they are drawn anew from themselves by their weights (systematic resampling, Douc et al. 2005), all with the
//! mean weight of the group. Each group is an estimate of Z of its own, so that the error is that of a mean of independent
//! numbers however often chains were resampled.
//!
//! A look reads the parameters and waits for the device, which is little on the CPU and is felt on a fast GPU: no training is
//! followed unless that is asked for.
//!
//! α is chosen so that the log-weights of a look have a variance of [`STRIDE`] in the mean of all groups, from that of the
//! last look, and is at most [`NEAR`]: large machines that move fast are followed at a distance, which shows in the error.

use crate::backend::{Address, Backend};
use crate::bits::BitMatrix;
use crate::error::Result;
use crate::likelihood::{base_bias, log_z0};
use crate::numerics::{log_mean_exp, log_sum_exp};
use crate::rbm::Rbm;
use crate::record::Estimate;
use crate::rng::{Stream, derive_seed, uniform, unit_word};
use crate::sample::{Moves, independent};
use crate::stats::{jackknife, variance};

use super::Settings;

/// Independent groups of chains.
pub const GROUPS: usize = 16;
/// Part of a group's chains under which its effective sample size must not fall.
pub const RESAMPLE: f64 = 0.3;
/// Variance of the log-weights of a look, nats².
const STRIDE: f64 = 0.1;
/// Largest α: the guide is a moving average over some twenty looks.
const NEAR: f64 = 0.05;
/// Updates between looks once the guide is as near as it may be, and before.
const SELDOM: u64 = 20;
const OFTEN: u64 = 4;
/// Gibbs steps after a look.
const STEPS: u32 = 2;
/// Steps of annealing from the guide to the machine.
const LAST_STEPS: u32 = 16;
/// Fewest chains; fewer in a group are no estimate.
pub const FEWEST: usize = 4 * GROUPS;

/// The estimate in progress, for a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlineState {
    /// The guide.
    pub guide: Rbm,
    /// Its chains, `[chains, n_visible]`, group by group.
    pub chains: BitMatrix,
    /// log w of every chain, ln Z0 included.
    pub log_weights: Vec<f64>,
    /// F of every chain under the guide.
    pub energies: Vec<f64>,
    /// α of the next look.
    pub pace: f64,
    /// Update after which it comes.
    pub next: u64,
    /// Looks so far.
    pub looks: u32,
}

impl OnlineState {
    /// The estimate before the first update, over independent units with the means of the data; None where it is not
    /// asked for.
    #[must_use]
    pub(super) fn new(settings: &Settings, n_hidden: usize, means: &[f64]) -> Option<Self> {
        if settings.online == 0 {
            return None;
        }
        let mut guide = Rbm::zeros(means.len(), n_hidden);
        guide.visible_bias = base_bias(means);
        let chains = independent(&guide, seed(settings), 0, settings.online);
        let log_weights = vec![log_z0(&guide.visible_bias, n_hidden); chains.rows()];
        let energies = (0..chains.rows()).map(|r| guide.free_energy(&chains, r)).collect();
        Some(Self { guide, chains, log_weights, energies, pace: NEAR, next: OFTEN, looks: 0 })
    }
}

fn seed(settings: &Settings) -> u64 {
    derive_seed(settings.seed, "online")
}

/// What is known of ln Z on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Online {
    /// ln Z, its error from the spread of the groups.
    pub log_z: Estimate,
    /// (Σ w)² / Σ w² over all chains.
    pub effective_samples: f64,
}

/// A guide that follows a training in progress.
pub(super) struct Follower<'a, B: Backend> {
    backend: &'a B,
    walk: Walk<B>,
    pace: f64,
    next: u64,
    moves: Moves,
    seed: u64,
}

/// Weighted chains of a machine.
struct Walk<B: Backend> {
    machine: Rbm,
    chains: B::States,
    log_weights: Vec<f64>,
    energies: Vec<f64>,
    steps: u32,
}

impl<'a, B: Backend> Follower<'a, B> {
    pub(super) fn new(backend: &'a B, settings: &Settings, state: &OnlineState) -> Result<Self> {
        Ok(Self {
            backend,
            walk: Walk {
                machine: state.guide.clone(),
                chains: backend.upload_states(&state.chains)?,
                log_weights: state.log_weights.clone(),
                energies: state.energies.clone(),
                steps: state.looks,
            },
            pace: state.pace,
            next: state.next,
            // Translations go over the host, and are not what keeps chains from following.
            moves: Moves { flip: settings.flip, translations: None },
            seed: seed(settings),
        })
    }

    /// Looks at the machine after `update` updates, which `read` gives, if it is time.
    pub(super) fn follow(&mut self, update: u64, read: impl FnOnce() -> Result<Rbm>) -> Result<()> {
        if update < self.next {
            return Ok(());
        }
        let towards = read()?;
        let moved = self.walk.step(self.backend, &towards, self.pace, self.seed, self.moves)?;
        // The variance grows with α². Numbers that are not finite leave it as it is, and the training says so itself.
        let factor = (STRIDE / moved.max(1e-12)).sqrt().clamp(0.5, 2.0);
        if factor.is_finite() {
            self.pace = (self.pace * factor).min(NEAR);
        }
        self.next = update + if self.pace < NEAR { OFTEN } else { SELDOM };
        Ok(())
    }

    /// What is known of ln Z of `machine`, the one in training; nothing that is kept changes.
    pub(super) fn estimate(&self, machine: &Rbm) -> Result<Online> {
        let mut walk = Walk {
            machine: self.walk.machine.clone(),
            chains: self.backend.upload_states(&self.backend.read_states(&self.walk.chains)?)?,
            log_weights: self.walk.log_weights.clone(),
            energies: self.walk.energies.clone(),
            steps: 0,
        };
        let seed = derive_seed(self.seed, &format!("to the machine from look {}", self.walk.steps));
        for left in (1..=LAST_STEPS).rev() {
            walk.step(self.backend, machine, 1.0 / f64::from(left), seed, self.moves)?;
        }
        let size = walk.log_weights.len() / GROUPS;
        let groups: Vec<f64> = walk.log_weights.chunks_exact(size).map(log_mean_exp).collect();
        Ok(Online { log_z: mean_of_groups(&groups), effective_samples: effective_samples(&walk.log_weights) })
    }

    pub(super) fn state(&self) -> Result<OnlineState> {
        let Walk { machine, chains, log_weights, energies, steps } = &self.walk;
        Ok(OnlineState {
            guide: machine.clone(),
            chains: self.backend.read_states(chains)?,
            log_weights: log_weights.clone(),
            energies: energies.clone(),
            pace: self.pace,
            next: self.next,
            looks: *steps,
        })
    }
}

impl<B: Backend> Walk<B> {
    /// Moves the machine by the part `pace` of its way towards another, weighs the chains, draws those of groups anew
    /// whose weight has gone to few of them, and lets all take Gibbs steps. Returns the variance of the new log-weights.
    fn step(&mut self, backend: &B, towards: &Rbm, pace: f64, seed: u64, moves: Moves) -> Result<f64> {
        approach(&mut self.machine, towards, pace);
        let params = backend.upload_params(&self.machine, None)?;
        let new = backend.read_free_energies(&params, &self.chains)?;
        let gains: Vec<f64> = self.energies.iter().zip(&new).map(|(old, new)| old - new).collect();
        self.log_weights.iter_mut().zip(&gains).for_each(|(w, gain)| *w += gain);
        self.steps += 1;
        self.resample(backend, seed)?;
        let (address, first) = (Address::new(seed), self.steps * STEPS);
        backend.gibbs(&params, &mut self.chains, address, first..first + STEPS);
        moves.apply(backend, &params, &mut self.chains, address, self.steps, self.steps.into())?;
        self.energies = backend.read_free_energies(&params, &self.chains)?;
        Ok(variance_in_groups(&gains))
    }

    fn resample(&mut self, backend: &B, seed: u64) -> Result<()> {
        let size = self.log_weights.len() / GROUPS;
        let mut rows: Vec<usize> = (0..self.log_weights.len()).collect();
        let mut is_changed = false;
        for (g, group) in self.log_weights.chunks_exact_mut(size).enumerate() {
            if effective_samples(group) < RESAMPLE * size as f64 {
                let number = uniform(unit_word(seed, Stream::Resample, self.steps, g as u32, 0));
                for (row, chosen) in rows[g * size..].iter_mut().zip(systematic(group, f64::from(number))) {
                    *row = g * size + chosen;
                }
                let mean = log_mean_exp(group);
                group.fill(mean);
                is_changed = true;
            }
        }
        if is_changed {
            let chains = backend.read_states(&self.chains)?.select_rows(&rows);
            backend.write_states(&mut self.chains, &chains)?;
        }
        Ok(())
    }
}

/// Moves every parameter by the part `pace` of its way towards that of another machine of the same shape.
fn approach(machine: &mut Rbm, towards: &Rbm, pace: f64) {
    let step = |x: &mut f32, to: f32| *x += (pace * f64::from(to - *x)) as f32;
    machine.weights.iter_mut().zip(&towards.weights).for_each(|(x, &to)| step(x, to));
    machine.visible_bias.iter_mut().zip(&towards.visible_bias).for_each(|(x, &to)| step(x, to));
    machine.hidden_bias.iter_mut().zip(&towards.hidden_bias).for_each(|(x, &to)| step(x, to));
}

/// ln of the mean of independent estimates of Z, given by their logarithms, with its error by the jackknife.
fn mean_of_groups(groups: &[f64]) -> Estimate {
    let top = groups.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let means: Vec<Vec<f64>> = groups.iter().map(|z| vec![(z - top).exp()]).collect();
    jackknife(&means, &[1.0; GROUPS], |mean| top + mean[0].ln())
}

/// (Σ w)² / Σ w².
fn effective_samples(log_weights: &[f64]) -> f64 {
    let squares: Vec<f64> = log_weights.iter().map(|w| 2.0 * w).collect();
    (2.0 * log_sum_exp(log_weights) - log_sum_exp(&squares)).exp()
}

/// Variance within the groups, whose means are free.
fn variance_in_groups(values: &[f64]) -> f64 {
    let size = values.len() / GROUPS;
    values.chunks_exact(size).map(variance).sum::<f64>() / GROUPS as f64
}

/// As many numbers as there are weights, each number i on average n w_i / Σ w times: the weights in a row, cut at equal
/// distances, the first cut at the part `shift` of one.
fn systematic(log_weights: &[f64], shift: f64) -> Vec<usize> {
    let (n, total) = (log_weights.len(), log_sum_exp(log_weights));
    let (mut passed, mut i) = (0.0, 0);
    let mut chosen = Vec::with_capacity(n);
    for cut in (0..n).map(|k| (k as f64 + shift) / n as f64) {
        while i + 1 < n && passed + (log_weights[i] - total).exp() <= cut {
            passed += (log_weights[i] - total).exp();
            i += 1;
        }
        chosen.push(i);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_drawn_by_their_weights() {
        let weights: Vec<f64> = [0.5f64, 0.0, 0.125, 0.375].iter().map(|w| w.ln() + 3.0).collect();
        let mut counts = [0; 4];
        let shifts = 1000;
        for k in 0..shifts {
            let chosen = systematic(&weights, (f64::from(k) + 0.5) / f64::from(shifts));
            assert_eq!(chosen.len(), 4);
            chosen.iter().for_each(|&i| counts[i] += 1);
        }
        // Over all cuts exactly in proportion.
        assert_eq!(counts, [2000, 0, 500, 1500]);
    }

    #[test]
    fn errors_come_from_the_groups() {
        assert!(mean_of_groups(&[2.5; GROUPS]).error < 1e-12);
        // For a narrow spread the error is that of the mean.
        let groups: Vec<f64> = (0..GROUPS).map(|g| 7.0 + 1e-4 * (g as f64 - 7.5)).collect();
        let error = (variance(&groups) / GROUPS as f64).sqrt();
        let found = mean_of_groups(&groups);
        assert!((found.error / error - 1.0).abs() < 1e-3 && (found.value - 7.0).abs() < 1e-6, "{found:?}");
    }
}
