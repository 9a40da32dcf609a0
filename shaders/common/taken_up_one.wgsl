// Sums begin with zero: all weights are in one buffer.
fn taken_up(local: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Tile {
    var tile: Tile;
    return tile;
}
