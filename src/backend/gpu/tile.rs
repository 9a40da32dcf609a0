//! How the kernels that form products divide their outputs among workgroups and invocations.
//!
//! Which tile is fastest depends on the device and on the shape of the machine; results do not depend on it, because
//! every output is summed over its inputs in order. Tiles of cooperative matrices do not promise that and stand apart.

/// Outputs of a workgroup, `rows` × `columns`, and how its invocations share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Name in file names and in settings.
    pub name: &'static str,
    /// Rows of the output: chains, or visible units of the moments.
    pub rows: u32,
    /// Columns of the output: units.
    pub columns: u32,
    /// Blocks of four rows of an invocation.
    pub fours: u32,
    /// Blocks of four columns of an invocation.
    pub quads: u32,
    /// Inputs in workgroup memory at a time; a power of two up to 32, the inputs of one packed word.
    pub inputs: u32,
    /// Inputs multiplied between two looks at the loop's counter.
    pub unroll: u32,
    /// Whether the next inputs are fetched to registers while these are multiplied, where registers allow it.
    pub ahead: bool,
    /// Rows, columns and inputs of the cooperative matrices that multiply; 0 where invocations do by themselves.
    pub side: u32,
}

/// Not a tile of its own, but what the tiles without cooperative matrices have in common.
const PLAIN: Tile =
    Tile { name: "", rows: 0, columns: 0, fours: 2, quads: 2, inputs: 16, unroll: 1, ahead: false, side: 0 };

/// For small machines: many workgroups of few outputs.
pub static SMALL: Tile =
    Tile { name: "32x32", rows: 32, columns: 32, fours: 1, quads: 1, inputs: 32, unroll: 2, ..PLAIN };
/// Between small and large.
pub static MEDIUM: Tile = Tile { name: "32x64", rows: 32, columns: 64, quads: 1, inputs: 32, unroll: 2, ..PLAIN };
/// 8 × 8 outputs an invocation, 64 invocations.
pub static LARGE: Tile = Tile { name: "64x64", rows: 64, columns: 64, ..PLAIN };
/// 8 × 8 outputs an invocation, 256 invocations: the least traffic, for devices with more workgroup memory.
pub static HUGE: Tile = Tile { name: "128x128", rows: 128, columns: 128, ..PLAIN };
/// [`LARGE`] for devices with registers for the operands of four inputs: fewer instructions besides the multiply-adds.
pub static LARGE_UNROLLED: Tile = Tile { name: "64x64-4", unroll: 4, ..LARGE };
/// [`LARGE`] that does not wait for memory, on devices with more registers. On an NVIDIA H100 2 % faster than
/// [`LARGE_UNROLLED`] for 4096 chains of 4096 × 4096 units; smaller tiles gained nothing by it there, since what holds them
/// up are their own instructions, one subgroup on each scheduler.
pub static LARGE_AHEAD: Tile = Tile { name: "64x64-ahead", unroll: 2, ahead: true, ..LARGE };
/// [`HUGE`] with as many operands as [`LARGE_UNROLLED`].
pub static HUGE_UNROLLED: Tile = Tile { name: "128x128-4", unroll: 4, ..HUGE };

/// Cooperative matrices of 16 × 16, in subgroups of 32.
pub static MATRICES_16: Tile =
    Tile { name: "64x32-matrices16", rows: 64, columns: 32, fours: 1, quads: 1, inputs: 32, side: 16, ..PLAIN };
/// Cooperative matrices of 8 × 8, in subgroups of 8.
pub static MATRICES_8: Tile = Tile { name: "64x32-matrices8", fours: 2, side: 8, ..MATRICES_16 };

/// What a workgroup of the kernel `gibbs_steps` has at a time: not a tile of products, but what is taken instead of one
/// where many Gibbs steps of a small machine are best done in one dispatch. Named, it stands for all kernels of small machines.
pub static STEPS: Tile = Tile { name: "steps", rows: 16, columns: 64, inputs: 32, ..PLAIN };

/// Tiles of the Gibbs half-step by cooperative matrices, whose sums are in an order of the device's own.
pub static MATRICES: [&Tile; 2] = [&MATRICES_16, &MATRICES_8];

/// Every tile that sums in order.
pub static ALL: [&Tile; 7] = [&SMALL, &MEDIUM, &LARGE, &LARGE_UNROLLED, &LARGE_AHEAD, &HUGE, &HUGE_UNROLLED];

impl Tile {
    /// The tile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().chain(MATRICES).chain([&STEPS]).find(|tile| tile.name == name)
    }

    /// Whether any product can be divided by it.
    #[must_use]
    pub fn is_general(&self) -> bool {
        self.side == 0 && *self != STEPS
    }

    /// Invocations of a workgroup.
    #[must_use]
    pub fn invocations(&self) -> u32 {
        self.rows / (4 * self.fours) * (self.columns / (4 * self.quads))
    }

    /// Invocations that must be one subgroup, where cooperative matrices multiply: each has its own rows.
    #[must_use]
    pub fn subgroup(&self) -> Option<u32> {
        (self.side > 0).then(|| self.invocations() / (self.rows / self.side))
    }

    /// Bytes of workgroup memory: the exchange, and factors of two and sums of four bytes for cooperative matrices.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        let factors = 2 * self.inputs * (self.rows + self.columns);
        16 * self.memory() + if self.side > 0 { factors + 4 * self.rows * self.columns } else { 0 }
    }

    /// Workgroups over all outputs.
    #[must_use]
    pub fn groups(&self, rows: usize, columns: usize) -> u64 {
        rows.div_ceil(self.rows as usize) as u64 * columns.div_ceil(self.columns as usize) as u64
    }

    fn memory(&self) -> u32 {
        if self.side > 0 {
            return self.rows / 4 * (self.columns / 4);
        }
        self.inputs * (self.columns / 4 + 1 + self.rows / 4)
    }

    /// The constants that the shaders know of it.
    pub(super) fn constants(&self) -> String {
        let values = [
            ("ROWS", self.rows),
            ("COLUMNS", self.columns),
            ("FOURS", self.fours),
            ("INPUTS", self.inputs),
            ("UNROLL", self.unroll),
            ("INVOCATIONS", self.invocations()),
            ("ACROSS", self.columns / (4 * self.quads)),
            ("QUARTETS", self.columns / 4),
            ("ROW_FOURS", self.rows / 4),
            ("ROW_LOADS", self.row_loads()),
            ("WORDS", self.columns / 32),
            ("MEMORY", self.memory()),
            ("SIDE", self.side),
        ];
        values.iter().map(|(name, value)| format!("const TILE_{name}: u32 = {value}u;\n")).collect()
    }

    fn row_loads(&self) -> u32 {
        self.inputs * self.rows / 4 / self.invocations()
    }

    /// How often a repeated part of a shader occurs, or None for an unknown name.
    pub(super) fn repetitions(&self, name: &str) -> Option<u32> {
        Some(match name {
            "four" => self.fours,
            "quad" => self.quads,
            "step" => self.unroll,
            "ahead" => u32::from(self.ahead),
            "at_once" => u32::from(!self.ahead),
            "column_load" => self.inputs * self.columns / 4 / self.invocations(),
            "row_load" => self.row_loads(),
            "matrix" => self.columns / self.side,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocations_share_every_load_and_every_epilogue() {
        for tile in ALL {
            let invocations = tile.invocations();
            assert!(invocations <= 256 && tile.inputs.is_power_of_two() && tile.inputs <= 32, "{}", tile.name);
            assert_eq!(tile.inputs * tile.columns / 4 % invocations, 0, "{}", tile.name);
            assert_eq!(tile.inputs * tile.rows / 4 % invocations, 0, "{}", tile.name);
            // Both orders of loading weights, and both of loading rows, step over whole lines.
            for line in [tile.inputs, tile.columns / 4, tile.rows / 4] {
                assert_eq!(invocations % line, 0, "{}", tile.name);
            }
            // One packed word of four chains an invocation, exchanged in the memory of the product.
            assert!(tile.rows / 4 * (tile.columns / 32) <= invocations, "{}", tile.name);
            assert!(tile.rows / 4 * (tile.columns / 4) <= tile.memory(), "{}", tile.name);
            assert_eq!(tile.inputs % tile.unroll, 0, "{}", tile.name);
            assert_eq!(Tile::named(tile.name), Some(tile));
        }
    }

    #[test]
    fn matrices_divide_their_tiles() {
        for tile in MATRICES {
            assert_eq!((tile.inputs, tile.inputs % tile.side, tile.columns % tile.side), (32, 0, 0), "{}", tile.name);
            assert_eq!(tile.invocations() % tile.rows, 0, "{}", tile.name);
            assert!(tile.bytes() <= 16 * 1024 && tile.invocations() <= 256, "{}", tile.name);
            assert_eq!(Tile::named(tile.name), Some(tile));
        }
        assert_eq!([MATRICES_16.subgroup(), MATRICES_8.subgroup(), LARGE.subgroup()], [Some(32), Some(8), None]);
    }
}
