// Sums begin with what earlier buffers of weights gave.
fn carried_units(chain: u32, unit: u32, shape: Shape) -> vec4<f32> {
    let last = shape.n_units - 1u;
    let row = min(chain, shape.chains - 1u) * shape.n_units;
    return vec4<f32>(
        carried(row + min(unit, last)), carried(row + min(unit + 8u, last)),
        carried(row + min(unit + 16u, last)), carried(row + min(unit + 24u, last)));
}

fn carried_four(quartet: u32, rows: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Four {
    let chain = first_chain + 4u * rows;
    let unit = first_unit + unit_of(quartet);
    return Four(
        carried_units(chain, unit, shape), carried_units(chain + 1u, unit, shape),
        carried_units(chain + 2u, unit, shape), carried_units(chain + 3u, unit, shape));
}

// The sums so far.
fn taken_up(local: u32, first_chain: u32, first_unit: u32, shape: Shape) -> Tile {
    var tile: Tile;
    if shape.first_input > 0u {
//!each four
//!each quad
        tile.x{four}_{quad} =
            carried_four(owned_quartet(local, {quad}u), owned_rows(local, {four}u), first_chain, first_unit, shape);
//!end
//!end
    }
    return tile;
}
