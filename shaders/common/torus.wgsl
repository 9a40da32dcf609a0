// Neighbours in the layout with one bit a site: two planes of each replica, one a colour, of layers of rows of words;
// bit k of word j of row y in layer z is column 2 (32 j + k) + (y + z + colour) % 2, and unused bits of rows are zero.
// The importer declares Parameters `p` with words (of a colour), words_a_row, length (rows of a layer) and last_bit (the
// last one used of a row's last word), and spins.
struct Place {
    j: u32,
    y: u32,
    z: u32,
}

// Place of word `f` of a square lattice, which is one layer.
fn square_place(f: u32) -> Place {
    let row = f / p.words_a_row;
    return Place(f - row * p.words_a_row, row, 0u);
}

fn cubic_place(f: u32) -> Place {
    let row = f / p.words_a_row;
    let layer = row / p.length;
    return Place(f - row * p.words_a_row, row - layer * p.length, layer);
}

// Bits of a word that are sites, asked for only where last_bit is not 31.
fn used_bits(place: Place) -> u32 {
    return select(0xffffffffu, 0xffffffffu >> (31u - p.last_bit), place.j + 1u == p.words_a_row);
}

struct RowNeighbours {
    above: u32,
    below: u32,
    beside: u32,
    side: u32,
}

// Neighbours in its layer of word `f` of `colour`; the planes of the replica begin at `first`.
fn row_neighbours(first: u32, colour: u32, f: u32, place: Place) -> RowNeighbours {
    let other = first + (1u - colour) * p.words;
    let line = other + f - place.j;
    let around = p.words_a_row * (p.length - 1u);
    let above = select(f - p.words_a_row, f + around, place.y == 0u);
    let below = select(f + p.words_a_row, f - around, place.y + 1u == p.length);
    let beside = spins[other + f];
    var side = 0u;
    if (place.y + place.z + colour) % 2u == 1u {
        let end = place.j + 1u == p.words_a_row;
        side = (beside >> 1u) | (spins[line + select(place.j + 1u, 0u, end)] << select(31u, p.last_bit, end));
    } else {
        let end = place.j == 0u;
        let last = select(place.j, p.words_a_row, end) - 1u;
        side = (beside << 1u) | (spins[line + last] >> select(31u, p.last_bit, end));
    }
    if p.last_bit != 31u {
        side &= used_bits(place);
    }
    return RowNeighbours(spins[other + above], spins[other + below], beside, side);
}

// The same words of the layers above and below, on cubic lattices.
fn layer_neighbours(first: u32, colour: u32, f: u32) -> vec2<u32> {
    let other = first + (1u - colour) * p.words;
    let layer = p.words_a_row * p.length;
    let above = select(f - layer, f + p.words - layer, f < layer);
    let below = select(f + layer, f + layer - p.words, f + layer >= p.words);
    return vec2<u32>(spins[other + above], spins[other + below]);
}
