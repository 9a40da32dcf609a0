//! Exchanges between neighbouring rungs of a ladder: who tries them, and what became of them.

/// What became of two chains at neighbouring rungs of a ladder that tried to change places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exchanged {
    /// ln p* of the higher rung less that of the lower one, for the state that was at the lower, in nats.
    pub up: f64,
    /// ln p* of the lower rung less that of the higher one, for the state that was at the higher.
    pub down: f64,
    /// Whether they did.
    pub accepted: bool,
}

impl Exchanged {
    /// What both states decide with a uniform number.
    #[must_use]
    pub fn decide(up: f64, down: f64, uniform: f32) -> Self {
        Self { up, down, accepted: f64::from(uniform) < (up + down).exp() }
    }

    /// Probability of acceptance.
    #[must_use]
    pub fn probability(&self) -> f64 {
        (self.up + self.down).exp().min(1.0)
    }
}

/// Rounds of exchanges of which a device keeps the record: few enough to take no memory to speak of, enough that reading
/// them does not hold the device up.
pub const RECORDED: usize = 16;

/// Pairs of neighbouring rungs that try to change places in a round.
pub fn pairs(rungs: usize, round: u64) -> impl ExactSizeIterator<Item = usize> {
    ((round % 2) as usize..rungs.saturating_sub(1)).step_by(2)
}
