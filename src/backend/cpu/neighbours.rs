//! The neighbours of a block of words of a lattice with one bit a site, as words that a kernel reads side by side.
//!
//! The neighbours in the rows and layers around a block lie in memory as it does, but for the ends of layers; those on
//! one side are shifted by a bit, to the left or to the right by turns of the rows, and around the end of each row.

use crate::backend::torus::Torus;

/// Words of a colour that one call of a kernel takes: 32 streams of eight words.
pub(crate) const BLOCK_WORDS: usize = 256;
/// Most words of a row that is short, to which ends are so many that they are found by masks.
const SHORT: usize = 15;

/// Words `first .. first + len` of one colour, and where their neighbours are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TorusBlock<'a> {
    /// The lattice.
    pub(crate) torus: &'a Torus,
    /// 0 or 1.
    pub(crate) colour: usize,
    /// First word, in `other`.
    pub(crate) first: usize,
    /// Which word of the lattice `other` begins with.
    pub(crate) offset: usize,
    /// The words of the other colour: all, or those that hold the neighbours.
    pub(crate) other: &'a [u32],
}

/// Room for neighbours that do not lie in memory as a kernel reads them; made once and used for many blocks.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Rows above and below, layers above and below.
    around: [[u32; BLOCK_WORDS]; 4],
    side: [u32; BLOCK_WORDS],
    /// The words of the block in the other colour, and up to a row of a word less at either end.
    line: [u32; BLOCK_WORDS + 2 * SHORT],
    ends: Ends,
}

/// For the words of short rows, from the begin of a row to the left on: what is at their ends, all ones or all zeros.
#[derive(Debug)]
struct Ends {
    /// Words of a row for which this was made; 0 before.
    per_row: usize,
    /// Its neighbours at the side are to the right.
    right: [u32; BLOCK_WORDS + 2 * SHORT],
    /// First of a row.
    first: [u32; BLOCK_WORDS + 2 * SHORT],
    /// Last of a row.
    last: [u32; BLOCK_WORDS + 2 * SHORT],
}

impl Ends {
    fn make(&mut self, per_row: usize) {
        if self.per_row == per_row {
            return;
        }
        self.per_row = per_row;
        let mask = |is: bool| if is { u32::MAX } else { 0 };
        let period = 2 * per_row;
        for n in 0..BLOCK_WORDS + period {
            if n < period {
                self.right[n] = mask(n >= per_row);
                self.first[n] = mask(n % per_row == 0);
                self.last[n] = mask(n % per_row == per_row - 1);
            } else {
                self.right[n] = self.right[n - period];
                self.first[n] = self.first[n - period];
                self.last[n] = self.last[n - period];
            }
        }
    }
}

/// The `N` neighbours of every spin of a block, word by word: beside, beside one bit further left or right, above,
/// below, and on cubic lattices in the layers above and below.
pub(crate) type Neighbours<'a, const N: usize> = [&'a [u32]; N];

impl Scratch {
    /// Empty.
    pub(crate) fn new() -> Self {
        const ROOM: [u32; BLOCK_WORDS + 2 * SHORT] = [0; BLOCK_WORDS + 2 * SHORT];
        let ends = Ends { per_row: 0, right: ROOM, first: ROOM, last: ROOM };
        Self { around: [[0; BLOCK_WORDS]; 4], side: [0; BLOCK_WORDS], line: ROOM, ends }
    }
}

/// A row of a block: which way its neighbours at the side are, and what follows it.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// To the right.
    right: bool,
    /// Rows of its layer from this one on.
    left_in_layer: usize,
    /// Its first word in the other colour.
    start: usize,
}

impl<'a> TorusBlock<'a> {
    /// Words from `first` on, when all of the other colour is at hand.
    pub(crate) fn of_all(torus: &'a Torus, colour: usize, first: usize, other: &'a [u32]) -> Self {
        Self { torus, colour, first, offset: 0, other }
    }

    /// Number of the first word in its colour of the lattice.
    pub(crate) fn number(&self) -> usize {
        (self.offset + self.first) % self.torus.words
    }

    /// The row of the first word, and the word's place in it.
    fn row<const N: usize>(&self) -> (Row, usize) {
        let (row, j) = (self.number() / self.torus.words_per_row, self.number() % self.torus.words_per_row);
        let (y, z) = if N == 6 { (row % self.torus.length, row / self.torus.length) } else { (row, 0) };
        let right = (y + z + self.colour) % 2 == 1;
        (Row { right, left_in_layer: self.torus.length - y, start: self.first - j }, j)
    }

    fn next_row<const N: usize>(&self, row: Row) -> Row {
        // Neighbouring rows differ, but for the last of a layer and the first of the next.
        let end = N == 6 && row.left_in_layer == 1;
        let left_in_layer = if end { self.torus.length } else { row.left_in_layer - 1 };
        Row { right: row.right == end, left_in_layer, start: row.start + self.torus.words_per_row }
    }

    /// Neighbours of the block's `len` words on a lattice where a site has `N`, 4 or 6.
    #[inline(always)]
    pub(crate) fn neighbours<const N: usize>(&self, len: usize, scratch: &'a mut Scratch) -> Neighbours<'a, N> {
        let (total, per_row, layer) = (self.other.len(), self.torus.words_per_row, self.torus.layer);
        let [above, below, layer_above, layer_below] = &mut scratch.around;
        let by_eight = per_row.is_multiple_of(8);
        let reach = if by_eight || per_row > SHORT { 1 } else { (per_row - 1).max(1) };
        let line = &mut scratch.line[..len + 2 * reach];
        wrapped(self.other, (self.first + total - reach) % total, line);
        let side = &mut scratch.side[..len];
        let whole = self.torus.last_bit == 31;
        let vectors = len.is_multiple_of(8) && (N == 4 || layer.is_multiple_of(8));
        match per_row {
            1 if vectors && whole => self.sides_of_short_rows::<1, N, true>(side),
            2 if vectors && whole => self.sides_of_short_rows::<2, N, true>(side),
            4 if vectors && whole => self.sides_of_short_rows::<4, N, true>(side),
            1 if vectors => self.sides_of_short_rows::<1, N, false>(side),
            2 if vectors => self.sides_of_short_rows::<2, N, false>(side),
            4 if vectors => self.sides_of_short_rows::<4, N, false>(side),
            _ if vectors && by_eight => self.sides_by_eight::<N>(line, side),
            _ if per_row <= SHORT && !by_eight => {
                scratch.ends.make(per_row);
                self.sides_by_masks(&scratch.ends, line, side);
            }
            _ => self.sides_row_by_row::<N>(line, side),
        }
        let beside = &self.other[self.first..self.first + len];
        let from = |distance: usize| (self.first + distance) % total;
        let mut found: Neighbours<'a, N> = [beside; N];
        found[1] = &scratch.side[..len];
        if N == 4 {
            found[2] = around(self.other, from(total - per_row), &mut above[..len]);
            found[3] = around(self.other, from(per_row), &mut below[..len]);
        } else {
            let rows = [self.in_layers(layer - per_row, &mut above[..len]), self.in_layers(per_row, &mut below[..len])];
            let layers = [
                around(self.other, from(total - layer), &mut layer_above[..len]),
                around(self.other, from(layer), &mut layer_below[..len]),
            ];
            found[2..].iter_mut().zip([rows, layers].as_flattened()).for_each(|(slot, words)| *slot = words);
        }
        found
    }

    /// Words that are `distance` words further in their layer, around its end.
    #[inline(always)]
    fn in_layers(&self, distance: usize, room: &'a mut [u32]) -> &'a [u32] {
        let layer = self.torus.layer;
        let (mut place, mut first) = (self.number() % layer, self.first);
        let inside = layer - distance;
        if place + room.len() <= inside {
            return &self.other[first + distance..first + distance + room.len()];
        }
        if place >= inside && place + room.len() <= layer {
            return &self.other[first - inside..first - inside + room.len()];
        }
        let mut rest = &mut *room;
        while !rest.is_empty() {
            let (end, start) = if place < inside { (inside, first + distance) } else { (layer, first - inside) };
            let count = rest.len().min(end - place);
            let (out, after) = rest.split_at_mut(count);
            out.copy_from_slice(&self.other[start..start + count]);
            (place, first, rest) = ((place + count) % layer, first + count, after);
        }
        room
    }

    /// Rows of whole vectors: shifts over the ends of rows first, then the ends themselves.
    #[inline(always)]
    fn sides_by_eight<const N: usize>(&self, line: &[u32], side: &mut [u32]) {
        let Torus { words_per_row: per_row, last_bit, .. } = *self.torus;
        let (mut row, mut j) = self.row::<N>();
        for (k, out) in side.chunks_exact_mut(8).enumerate() {
            let (before, here, after) =
                (&line[8 * k..8 * k + 8], &line[8 * k + 1..8 * k + 9], &line[8 * k + 2..8 * k + 10]);
            if row.right {
                for l in 0..8 {
                    out[l] = here[l] >> 1 | after[l] << 31;
                }
                if j + 8 == per_row {
                    out[7] = here[7] >> 1 | self.other[row.start] << last_bit;
                }
            } else {
                for l in 0..8 {
                    out[l] = here[l] << 1 | before[l] >> 31;
                }
                if j == 0 {
                    out[0] = here[0] << 1 | self.other[row.start + per_row - 1] >> last_bit;
                }
            }
            j += 8;
            if j == per_row {
                out[7] &= self.torus.last_mask();
                (row, j) = (self.next_row::<N>(row), 0);
            }
        }
    }

    /// Rows of 1, 2 or 4 words, some of which make a vector: words beside are lanes beside, around the end of each row.
    /// Blocks begin at an even row and layers with a vector, so all vectors of a layer have the same rows to the left and
    /// to the right. `WHOLE`: every bit of a row is used.
    #[inline(always)]
    fn sides_of_short_rows<const P: usize, const N: usize, const WHOLE: bool>(&self, side: &mut [u32]) {
        let (end, mask) = if WHOLE { (31, u32::MAX) } else { (self.torus.last_bit, self.torus.last_mask()) };
        let (here, _) = self.other[self.first..self.first + side.len()].as_chunks::<8>();
        let (out, _) = side.as_chunks_mut::<8>();
        let (mut row, _) = self.row::<N>();
        let mut odd = usize::from(row.right);
        for (out, here) in out.iter_mut().zip(here) {
            for l in 0..8 {
                let start = l - l % P;
                let shift = |at: bool| if at { end } else { 31 };
                let last = l % P == P - 1;
                let word = if (l / P + odd) % 2 == 1 {
                    here[l] >> 1 | here[start + (l + 1) % P] << shift(last)
                } else {
                    here[l] << 1 | here[start + (l + P - 1) % P] >> shift(l % P == 0)
                };
                out[l] = if last { word & mask } else { word };
            }
            if N == 6 {
                row.left_in_layer -= 8 / P;
                if row.left_in_layer == 0 {
                    (row.left_in_layer, odd) = (self.torus.length, 1 - odd);
                }
            }
        }
    }

    /// Other short rows, of which neither vectors nor layers are whole numbers: both shifts of every word, around the end
    /// of its row and not, of which masks choose. `line` has `reach` words more at either end.
    #[inline(always)]
    fn sides_by_masks(&self, ends: &Ends, line: &[u32], side: &mut [u32]) {
        let Torus { words_per_row: per_row, layer, last_bit, .. } = *self.torus;
        let (used, reach) = (self.torus.last_mask(), (line.len() - side.len()) / 2);
        let (mut number, mut done) = (self.number(), 0);
        while done < side.len() {
            // Rows begin to the left by turns, and again in the next layer.
            let (z, place) = (number / layer, number % layer);
            let phase = (place + (z + self.colour) % 2 * per_row) % (2 * per_row);
            let count = (side.len() - done).min(layer - place);
            let of = |shift: usize| &line[done + shift..][..count];
            let (here, before, after) = (of(reach), of(reach - 1), of(reach + 1));
            let (row_end, row_start) = (of(reach + per_row - 1), of(reach + 1 - per_row));
            let masks = [&ends.right, &ends.first, &ends.last].map(|mask| &mask[phase..phase + count]);
            let out = &mut side[done..done + count];
            for i in 0..count {
                let [right, first, last] = [masks[0][i], masks[1][i], masks[2][i]];
                let from_right = here[i] >> 1 | (after[i] << 31 & !last) | (row_start[i] << last_bit & last);
                let from_left = here[i] << 1 | (before[i] >> 31 & !first) | (row_end[i] >> last_bit & first);
                out[i] = ((from_right & right) | (from_left & !right)) & (used | !last);
            }
            (number, done) = ((number + count) % self.torus.words, done + count);
        }
    }

    /// Any other rows, one after the other: shifts over the ends of rows first, then the ends themselves.
    #[inline(always)]
    fn sides_row_by_row<const N: usize>(&self, line: &[u32], side: &mut [u32]) {
        let Torus { words_per_row: per_row, last_bit, .. } = *self.torus;
        let mask = self.torus.last_mask();
        let (mut row, mut j) = self.row::<N>();
        let (mut rest, mut line) = (side, line);
        while !rest.is_empty() {
            let count = rest.len().min(per_row - j);
            let (out, after) = rest.split_at_mut(count);
            let around = line[..count + 2].windows(3);
            if row.right {
                out.iter_mut().zip(around).for_each(|(out, near)| *out = near[1] >> 1 | near[2] << 31);
                if j + count == per_row {
                    out[count - 1] = line[count] >> 1 | self.other[row.start] << last_bit;
                }
            } else {
                out.iter_mut().zip(around).for_each(|(out, near)| *out = near[1] << 1 | near[0] >> 31);
                if j == 0 {
                    out[0] = line[1] << 1 | self.other[row.start + per_row - 1] >> last_bit;
                }
            }
            if j + count == per_row {
                out[count - 1] &= mask;
            }
            (row, j, rest, line) = (self.next_row::<N>(row), 0, after, &line[count..]);
        }
    }

    /// Clears the bits of the block's words that are no sites.
    #[inline(always)]
    pub(crate) fn clear_idle_bits(&self, me: &mut [u32]) {
        let (per_row, mask) = (self.torus.words_per_row, self.torus.last_mask());
        if mask != u32::MAX {
            let j = self.number() % per_row;
            me.iter_mut().skip(per_row - 1 - j).step_by(per_row).for_each(|word| *word &= mask);
        }
    }
}

/// `out.len()` words from `start` on, around the end.
#[inline(always)]
fn wrapped(words: &[u32], start: usize, out: &mut [u32]) {
    let first = out.len().min(words.len() - start);
    let (head, tail) = out.split_at_mut(first);
    head.copy_from_slice(&words[start..start + first]);
    // A block is never longer than a colour, but for the words at its ends.
    for (k, word) in tail.iter_mut().enumerate() {
        *word = words[k % words.len()];
    }
}

/// As [`wrapped`], without a copy where there is nothing to go around.
#[inline(always)]
fn around<'a>(words: &'a [u32], start: usize, room: &'a mut [u32]) -> &'a [u32] {
    if start + room.len() <= words.len() {
        &words[start..start + room.len()]
    } else {
        wrapped(words, start, room);
        room
    }
}
