// Neighbours in the layout with one bit a site: two planes [length, words_a_row], one a colour, of each replica;
// bit k of word j of row i is column 2 (32 j + k) + (i + colour) % 2.
// The importer declares Parameters `p` with words (of a colour) and words_a_row, and spins.
struct SquareNeighbours {
    up: u32,
    down: u32,
    beside: u32,
    side: u32,
}

// Neighbours of word `f` of `colour`; the planes of the replica begin at `first`.
fn square_neighbours(first: u32, colour: u32, f: u32) -> SquareNeighbours {
    let other = first + (1u - colour) * p.words;
    let j = f % p.words_a_row;
    let line = other + f - j;
    let above = select(f - p.words_a_row, f + p.words - p.words_a_row, f < p.words_a_row);
    let below = select(f + p.words_a_row, f + p.words_a_row - p.words, f + p.words_a_row >= p.words);
    let beside = spins[other + f];
    var side = 0u;
    if ((f / p.words_a_row) + colour) % 2u == 1u {
        let next = select(j + 1u, 0u, j + 1u == p.words_a_row);
        side = (beside >> 1u) | (spins[line + next] << 31u);
    } else {
        let last = select(j, p.words_a_row, j == 0u) - 1u;
        side = (beside << 1u) | (spins[line + last] >> 31u);
    }
    return SquareNeighbours(spins[other + above], spins[other + below], beside, side);
}
