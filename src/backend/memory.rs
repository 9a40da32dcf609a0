//! How much memory a machine's work takes on a backend, counted before any of it is taken.
//!
//! Each backend counts its own buffers, and a test compares the counts with what it really holds; what is kept outside
//! a backend is added by the stages. All numbers are bytes.

pub use super::cpu::plan::plan as on_cpu;
#[cfg(feature = "gpu")]
pub use super::gpu::plan::{PARAMETERS, Room, plan as on_gpu};

/// What there must be room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Visible units.
    pub n_visible: usize,
    /// Hidden units.
    pub n_hidden: usize,
    /// Rows of data on the device.
    pub rows: usize,
    /// Rows of a minibatch; 0 where nothing is trained.
    pub batch: usize,
    /// Chains that are kept.
    pub chains: usize,
    /// Rungs of a ladder of temperatures with as many chains each; 0 for none.
    pub rungs: usize,
    /// Other machines of the same shape with as many chains each.
    pub machines: usize,
    /// Chains that follow the training for its likelihood.
    pub followers: usize,
    /// Whether the running mean of the machine is kept.
    pub averaged: bool,
    /// Whether Gibbs steps start at the minibatch and not at the chains.
    pub contrastive: bool,
    /// Whether these are of means and not of draws, so that no states move.
    pub mean_field: bool,
    /// Whether the optimiser keeps second moments.
    pub adaptive: bool,
    /// Whether chains are flipped as a whole.
    pub flip: bool,
    /// Chains that are annealed.
    pub annealed: usize,
    /// Rows whose free energies are asked for at once.
    pub energies: usize,
}

impl Demand {
    /// Whether parameters are moved.
    #[must_use]
    pub fn trains(&self) -> bool {
        self.batch > 0
    }

    /// Chains of all rungs of a ladder of temperatures.
    #[must_use]
    pub fn replicas(&self) -> usize {
        self.rungs.saturating_mul(self.chains)
    }

    /// States that Gibbs steps move at a time.
    #[must_use]
    pub fn moved(&self) -> usize {
        match self.contrastive {
            true if self.mean_field => 0,
            true => self.batch,
            false if self.rungs > 0 => self.replicas(),
            false => self.chains,
        }
    }

    /// What another machine with chains of its own takes, nothing where there are none.
    pub(super) fn other_machine(&self) -> Option<Self> {
        let Self { n_visible, n_hidden, chains, flip, .. } = *self;
        (self.machines > 0).then_some(Self { n_visible, n_hidden, chains, flip, ..Self::default() })
    }

    /// What the running mean of the machine takes, nothing where there is none.
    pub(super) fn average(&self) -> Option<Self> {
        let Self { n_visible, n_hidden, averaged, .. } = *self;
        averaged.then_some(Self { n_visible, n_hidden, ..Self::default() })
    }

    /// What the machine and the chains take that follow the training, nothing where there are none.
    pub(super) fn follower(&self) -> Option<Self> {
        let Self { n_visible, n_hidden, followers: chains, flip, .. } = *self;
        (chains > 0).then_some(Self { n_visible, n_hidden, chains, flip, energies: chains, ..Self::default() })
    }

    /// Most states whose moments are taken at once.
    #[must_use]
    pub fn measured(&self) -> usize {
        if self.contrastive || !self.trains() { self.batch } else { self.batch.max(self.chains) }
    }
}

/// What one part of the memory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Weights and biases.
    Parameters,
    /// Velocities, second moments and offsets.
    Optimiser,
    /// Moments of both phases.
    Moments,
    /// Chains and minibatches.
    Chains,
    /// The data set.
    Data,
    /// Tables of partial sums.
    Tables,
    /// Whatever steps keep from one kernel to the next.
    Scratch,
    /// Copies outside the backend while parameters are uploaded, measured or written to a file.
    Copies,
}

impl Use {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Parameters,
        Self::Optimiser,
        Self::Moments,
        Self::Chains,
        Self::Data,
        Self::Tables,
        Self::Scratch,
        Self::Copies,
    ];

    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameters => "parameters",
            Self::Optimiser => "optimiser",
            Self::Moments => "moments",
            Self::Chains => "chains",
            Self::Data => "data",
            Self::Tables => "tables",
            Self::Scratch => "scratch",
            Self::Copies => "copies",
        }
    }
}

/// One buffer, or several of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// What it is for.
    #[serde(rename = "use")]
    pub purpose: Use,
    /// What it holds.
    pub what: &'static str,
    /// Bytes of all of it.
    pub bytes: u64,
    /// Bytes of the largest buffer of it.
    pub largest: u64,
}

/// All buffers.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(transparent)]
pub struct MemoryPlan {
    /// Its parts, in no particular order.
    pub parts: Vec<Part>,
}

impl MemoryPlan {
    /// Adds one buffer of `count` entries of `bytes` bytes; sizes beyond 64 bits count as the largest there is.
    pub(crate) fn add(&mut self, purpose: Use, what: &'static str, count: usize, bytes: usize) {
        let bytes = (count as u64).saturating_mul(bytes as u64);
        self.push(Part { purpose, what, bytes, largest: bytes });
    }

    /// Adds a part.
    pub fn push(&mut self, part: Part) {
        if part.bytes > 0 {
            self.parts.push(part);
        }
    }

    /// Adds the parts of `other` so many times, but for those of the given names.
    pub(super) fn add_times(&mut self, other: &Self, times: usize, without: &[&str]) {
        for part in other.parts.iter().filter(|part| !without.contains(&part.what)) {
            self.push(Part { bytes: part.bytes.saturating_mul(times as u64), ..*part });
        }
    }

    /// Bytes of all parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// Bytes of the parts of one purpose.
    #[must_use]
    pub fn bytes_of(&self, purpose: Use) -> u64 {
        self.parts.iter().filter(|part| part.purpose == purpose).fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    /// The part with the largest single buffer.
    #[must_use]
    pub fn largest(&self) -> Option<&Part> {
        self.parts.iter().max_by_key(|part| part.largest)
    }
}

/// The largest `n` in `0..=most` for which `fits(n)` holds, where it holds for all smaller ones too.
pub fn largest_fitting(most: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut good, mut bad) = (0, most.saturating_add(1));
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_found() {
        for limit in [0, 1, 7, 99, 100] {
            assert_eq!(largest_fitting(100, |n| n <= limit), limit);
        }
    }

    #[test]
    fn sizes_beyond_64_bits_count_as_the_largest() {
        let mut plan = MemoryPlan::default();
        plan.add(Use::Data, "rows", usize::MAX, 8);
        plan.add(Use::Chains, "chains", 10, 4);
        assert_eq!((plan.bytes(), plan.bytes_of(Use::Chains)), (u64::MAX, 40));
        assert_eq!(plan.largest().map(|part| part.purpose), Some(Use::Data));
    }
}
