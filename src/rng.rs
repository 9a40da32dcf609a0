//! Random numbers that belong to the thing they decide, not to the thread that draws them.
//!
//! Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a 128-bit
//! counter and a 64-bit key to 128 random bits. The counter is an *address*: which unit, which step, which stream,
//! which chain. Results therefore do not depend on thread count, workgroup size or on how often a run was paused.
//!
//! | draw | counter 0 | counter 1 | counter 2 | counter 3 | word taken |
//! | --- | --- | --- | --- | --- | --- |
//! | Bernoulli unit `j` of chain `r` | `8·(j / 32) + j % 8` | step | stream | r | `(j / 8) % 4` |
//! | Ising tile from position `p` on, replicas `32w .. 32w+32` | p | sweep | stream | w | seeds an [`Sfc32`]: head digits |
//! | Ising site `i`, replicas `32w .. 32w+32` | i | sweep | stream | w | seeds an [`Sfc32`]: tail digits |
//! | one uniform for chain `r` | r / 4 | step | stream | 0 | `r % 4` |
//! | order of the colours in sweeps `64 t .. 64 t + 64` | t / 4 | 0 | stream | 0 | `t % 4` ([`colour_order`]) |
//!
//! Four units of one 32-unit word that stand eight apart share a block: eight SIMD lanes then hold eight blocks, and
//! output word `q` of all lanes is exactly the run of units `32w + 8q .. 32w + 8q + 8`, so that a vector kernel needs
//! no transposition and a shader invocation that owns four units needs one block.
//!
//! Ising sites need streams of binary digits rather than one number: a Philox block seeds an sfc32 generator (Chris
//! Doty-Humphrey, `PractRand`), every output of which is one digit of 32 replicas' uniforms. A word of replicas never
//! shares a stream with another. [`TILE_SITES`] neighbours in the order of a colour share one stream per sweep and word:
//! site k of a tile takes outputs [`HEAD_DIGITS`]·k and following, least significant digit first, drawn or not, so that
//! the cost of seeding is shared and all devices agree. The few replicas whose head equals their threshold's (2⁻¹² of
//! them) read on in a stream of the site's own, most significant digit first.

/// Which decision a random number is for; part of every address. Values are fixed: they are in recorded results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Acceptance digits of an Ising spin flip.
    IsingFlip = 1,
    /// Random initial spins.
    IsingStart = 2,
    /// Hidden units in a Gibbs step.
    SampleHidden = 3,
    /// Visible units in a Gibbs step.
    SampleVisible = 4,
    /// Acceptance of a symmetry move.
    SymmetryMove = 5,
    /// Keys of the minibatch permutation.
    Shuffle = 6,
    /// Initial states of persistent chains.
    ChainStart = 7,
    /// Initial weights.
    WeightStart = 8,
    /// Choice of held-out rows.
    HeldOut = 9,
    /// A stand-alone sequence for host code ([`Philox::sequence`]).
    Sequence = 10,
    /// Derivation of one seed from another ([`derive_seed`]).
    Derive = 11,
    /// Digits of an Ising spin flip beyond the first [`HEAD_DIGITS`].
    IsingTail = 20,
    /// Acceptance digits of a spin flip in the layout with one bit a site.
    TorusFlip = 21,
    /// Digits beyond the first [`HEAD_DIGITS`] in the layout with one bit a site.
    TorusTail = 22,
    /// Bonds of Swendsen–Wang and Wolff clusters.
    ClusterBond = 32,
    /// New orientation of a Swendsen–Wang cluster.
    ClusterFlip = 33,
    /// Site at which a Wolff cluster starts.
    ClusterSeed = 34,
    /// Acceptance of a spin flip by tables of general interactions.
    IsingTable = 35,
    /// Acceptance of an exchange of temperatures.
    Exchange = 36,
    /// Cuts at which weighted chains are drawn anew.
    Resample = 37,
    /// Order in which the colours of a graph are updated in a sweep ([`colour_order`]).
    ColourOrder = 38,
}

pub(crate) const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
pub(crate) const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

#[inline(always)]
fn multiply_wide(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

/// One Philox4x32-10 block: 128 random bits for `counter` under `key`.
#[inline(always)]
#[must_use]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let (high0, low0) = multiply_wide(c0, MULTIPLIER[0]);
        let (high1, low1) = multiply_wide(c2, MULTIPLIER[1]);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [c0, c1, c2, c3]
}

/// Low and high half of a seed: the Philox key.
#[inline(always)]
#[must_use]
pub fn key_of(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// Random word of Bernoulli unit `unit` in chain `chain` at `step` (see the table above).
#[inline]
#[must_use]
pub fn unit_word(seed: u64, stream: Stream, step: u32, chain: u32, unit: u32) -> u32 {
    let block = philox([8 * (unit / 32) + unit % 8, step, stream as u32, chain], key_of(seed));
    block[((unit / 8) % 4) as usize]
}

/// Random word of chain `chain` at `step` (see the table above).
#[inline]
#[must_use]
pub fn chain_word(seed: u64, stream: Stream, step: u32, chain: u32) -> u32 {
    philox([chain / 4, step, stream as u32, 0], key_of(seed))[(chain % 4) as usize]
}

/// Sweeps for which an order of the colours stays.
pub const ORDER_SWEEPS: u32 = 64;

/// The colours `0..colours` in the order in which a sweep updates them: from a random one on, upwards or downwards, the
/// same for all replicas.
///
/// A colour that always moved first would settle first: of two ordered states that are equally good, the one in which it
/// has its way would be met more often by runs that have not forgotten their starts. An order stays for
/// [`ORDER_SWEEPS`]: where one sweep ends with the colour with which the next begins, the second of the two updates mostly
/// takes back or repeats the first, and an order drawn for each sweep makes τ of |m| at T_c 1.9 (8 × 8) to 2.6 (16 × 16)
/// times as long.
#[inline]
pub fn colour_order(seed: u64, sweep: u32, colours: usize) -> impl Iterator<Item = usize> {
    let word = chain_word(seed, Stream::ColourOrder, 0, sweep / ORDER_SWEEPS);
    let first = ((word >> 16) as usize * colours) >> 16;
    let backwards = word & 1 == 1;
    (0..colours).map(move |k| (first + if backwards { colours - k } else { k }) % colours)
}

/// Uniform in [0, 1) with 24 bits, the same on every device: `word / 2⁸` is exact in f32.
#[inline(always)]
#[must_use]
pub fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A new seed for a named part of a run, so that parts never share numbers: stable across versions and platforms.
#[must_use]
pub fn derive_seed(seed: u64, label: &str) -> u64 {
    let mut key = key_of(seed);
    let mut length = 0u32;
    for chunk in label.as_bytes().chunks(8) {
        let mut bytes = [0u8; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(bytes);
        length += 1;
        let block = philox([word as u32, (word >> 32) as u32, Stream::Derive as u32, length], key);
        key = [block[0], block[1]];
    }
    u64::from(key[0]) | u64::from(key[1]) << 32
}

/// Leading digits of an Ising uniform that are always drawn: 12 leave one lane of 4096 open.
pub const HEAD_DIGITS: usize = 12;

/// Sites that take their head digits from one stream.
pub const TILE_SITES: usize = 8;

/// The digits of one Ising tile or site and 32 replicas: sfc32, all 128 bits of state taken from a Philox block.
#[derive(Debug, Clone, Copy)]
pub struct Sfc32([u32; 4]);

impl Sfc32 {
    /// The stream at an address.
    #[inline(always)]
    #[must_use]
    pub fn at(seed: u64, stream: Stream, sweep: u32, position: u32, word: u32) -> Self {
        Self(philox([position, sweep, stream as u32, word], key_of(seed)))
    }

    /// Next 32 bits: one binary digit for each of 32 lanes.
    #[inline(always)]
    pub fn next_digit(&mut self) -> u32 {
        let [a, b, c, counter] = self.0;
        let out = a.wrapping_add(b).wrapping_add(counter);
        self.0 = [b ^ (b >> 9), c.wrapping_add(c << 3), c.rotate_left(21).wrapping_add(out), counter.wrapping_add(1)];
        out
    }
}

/// A sequential generator over a private Philox stream, for host code that wants `rand`'s distributions.
#[derive(Debug, Clone)]
pub struct Philox {
    key: [u32; 2],
    stream: u32,
    block: u64,
    buffer: [u32; 4],
    used: usize,
}

impl Philox {
    /// The sequence of `seed` and `label`.
    #[must_use]
    pub fn sequence(seed: u64, label: &str) -> Self {
        let key = key_of(derive_seed(seed, label));
        Self { key, stream: Stream::Sequence as u32, block: 0, buffer: [0; 4], used: 4 }
    }

    fn word(&mut self) -> u32 {
        if self.used == 4 {
            let counter = [self.block as u32, (self.block >> 32) as u32, self.stream, 0];
            self.buffer = philox(counter, self.key);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.buffer[self.used - 1]
    }
}

impl rand::TryRng for Philox {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Self::Error> {
        Ok(self.word())
    }

    fn try_next_u64(&mut self) -> std::result::Result<u64, Self::Error> {
        let low = self.word();
        Ok(u64::from(low) | u64::from(self.word()) << 32)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(4) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

/// A permutation of `0..total` that is a function of (seed, epoch): row at position p in O(1), without a table.
///
/// Six Feistel rounds over the smallest even number of bits that covers `total`, cycle-walking back into range; the
/// round function is the 32-bit mixer `lowbias32` (Chris Wellons). Every device computes the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutation {
    /// Number of rows permuted.
    pub total: u32,
    /// Bits of one Feistel half.
    pub half_bits: u32,
    /// Round keys.
    pub keys: [u32; 6],
}

impl Permutation {
    /// The permutation of epoch `epoch`. `total` must be at least 1.
    #[must_use]
    pub fn new(seed: u64, epoch: u32, total: u32) -> Self {
        let bits = 32 - total.saturating_sub(1).leading_zeros();
        let first = philox([0, epoch, Stream::Shuffle as u32, 0], key_of(seed));
        let second = philox([1, epoch, Stream::Shuffle as u32, 0], key_of(seed));
        Self {
            total,
            half_bits: bits.div_ceil(2).max(1),
            keys: [first[0], first[1], first[2], first[3], second[0], second[1]],
        }
    }

    /// Row at position `position < total`.
    #[must_use]
    pub fn row(&self, position: u32) -> u32 {
        let mask = (1u32 << self.half_bits) - 1;
        let mut value = position;
        loop {
            let (mut left, mut right) = (value >> self.half_bits, value & mask);
            for key in self.keys {
                (left, right) = (right, left ^ (mix(right ^ key) & mask));
            }
            value = left << self.half_bits | right;
            if value < self.total {
                return value;
            }
        }
    }
}

/// `lowbias32`: a bijective 32-bit mixer.
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
