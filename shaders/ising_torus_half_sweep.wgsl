// Updates all sites of one colour of a square or cubic lattice with one bit a site.
//
// Maths:  as ising_half_sweep, with one temperature in all lanes and neighbours by shifts.
// Shapes: spins [replicas, 2, words]; acceptance [replicas, 32, classes] digits of P_0, P_0 ⊕ P_1, … as whole words, then
//         [replicas] numbers of drawn classes; 5 classes on square lattices, 7 on cubic ones.
// Random: words f = 256 b + 32 k + l of a colour, k = 0 … 7, share the sfc32 stream at (colour · words + 256 b + l,
//         sweep, TorusFlip, replica); word k takes outputs 12 k … as digits 11 … 0; digits from 12 on from
//         (colour · words + f, sweep, TorusTail, replica).
// Class:  exact.
// Source: Block, Virnau, Preis 2010 (a lattice in words); digits as in ising_half_sweep.
//
// Entries: main, square lattices and any table; two_classes, square lattices where two classes are drawn (Metropolis);
// cubic, cubic lattices and any table; three_classes, cubic lattices where three classes are drawn. An invocation is a stream: 8 words, 32 apart, so that neighbouring invocations read
// neighbouring words.
//!import grid
//!import philox
//!import flip_head
//!import four
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    sweep: u32,
    stream: u32,
    tail_stream: u32,
    colour: u32,
    replicas: u32,
    words: u32,
    words_a_row: u32,
    length: u32,
    last_bit: u32,
    streams: u32,
}

const STRIDE: u32 = 32u;
const BLOCK: u32 = 256u;
const TABLE: u32 = 160u;

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> acceptance: array<u32>;
@group(0) @binding(2) var<storage, read_write> spins: array<u32>;
//!import torus

// The words of an invocation: begin, begin + STRIDE, … before end, of the replica whose planes begin at first.
struct Strand {
    replica: u32,
    first: u32,
    begin: u32,
    end: u32,
}

fn strand_of(index: u32) -> Strand {
    let replica = index / p.streams;
    let number = index % p.streams;
    return Strand(
        replica,
        2u * p.words * replica,
        BLOCK * (number / STRIDE) + number % STRIDE,
        min(BLOCK * (number / STRIDE + 1u), p.words));
}

fn head_state(strand: Strand) -> vec4<u32> {
    let counter = vec4<u32>(p.colour * p.words + strand.begin, p.sweep, p.stream, strand.replica);
    return philox(counter, vec2<u32>(p.seed_low, p.seed_high));
}

// Digit d of P_0 and of the steps to the thresholds of one and of more antiparallel neighbours.
fn first_planes(replica: u32, d: u32) -> vec2<u32> {
    let at = TABLE * replica + 5u * d;
    return vec2<u32>(acceptance[at], acceptance[at + 1u]);
}

fn threshold(replica: u32, d: u32, at_least: vec4<u32>) -> u32 {
    let at = TABLE * replica + 5u * d;
    let steps = vec4<u32>(acceptance[at + 1u], acceptance[at + 2u], acceptance[at + 3u], acceptance[at + 4u]) & at_least;
    return acceptance[at] ^ steps.x ^ steps.y ^ steps.z ^ steps.w;
}

fn tail_state(replica: u32, f: u32) -> vec4<u32> {
    let counter = vec4<u32>(p.colour * p.words + f, p.sweep, p.tail_stream, replica);
    return philox(counter, vec2<u32>(p.seed_low, p.seed_high));
}

fn accepted_by_tail(replica: u32, f: u32, at_least: vec4<u32>, undecided: u32) -> u32 {
    var open = undecided;
    var less = 0u;
    var state = tail_state(replica, f);
    for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
        let random = next_digit(&state);
        let digit = threshold(replica, d, at_least);
        less |= open & ~random & digit;
        open &= ~(random ^ digit);
    }
    return less;
}

fn antiparallel(first: u32, f: u32, place: Place, spin: u32) -> vec4<u32> {
    let n = row_neighbours(first, p.colour, f, place);
    return vec4<u32>(spin) ^ vec4<u32>(n.above, n.below, n.beside, n.side);
}

// The word with its flips, of which unused bits have none.
fn flipped(place: Place, spin: u32, flip: u32) -> u32 {
    if p.last_bit != 31u {
        return spin ^ (flip & used_bits(place));
    }
    return spin ^ flip;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let strand = strand_of(64u * workgroup_number(workgroup, workgroups) + local);
    let replica = strand.replica;
    if replica >= p.replicas {
        return;
    }
    let first = strand.first;
    var state = head_state(strand);
    let drawn = acceptance[TABLE * p.replicas + replica];
    for (var f = strand.begin; f < strand.end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let place = square_place(f);
        let spin = spins[at];
        let at_least = counts(antiparallel(first, f, place, spin));
        // With `drawn` antiparallel neighbours or more there is nothing to draw.
        var certain = 0u;
        switch drawn {
            case 0u: { certain = 0xffffffffu; }
            case 1u: { certain = at_least.x; }
            case 2u: { certain = at_least.y; }
            case 3u: { certain = at_least.z; }
            case 4u: { certain = at_least.w; }
            default: {}
        }
        var c = Comparison(0u, ~certain);
        for (var d = HEAD_DIGITS; d > 0u; d--) {
            c = compare_digit(c, next_digit(&state), threshold(replica, d - 1u, at_least));
        }
        var flip = certain | c.less;
        if c.equal != 0u {
            flip |= accepted_by_tail(replica, f, at_least, c.equal);
        }
        spins[at] = flipped(place, spin, flip);
    }
}

@compute @workgroup_size(64)
fn two_classes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let strand = strand_of(64u * workgroup_number(workgroup, workgroups) + local);
    let replica = strand.replica;
    if replica >= p.replicas {
        return;
    }
    let first = strand.first;
    var state = head_state(strand);
    let head = HeadOfTwo(
        first_planes(replica, 0u), first_planes(replica, 1u), first_planes(replica, 2u), first_planes(replica, 3u),
        first_planes(replica, 4u), first_planes(replica, 5u), first_planes(replica, 6u), first_planes(replica, 7u),
        first_planes(replica, 8u), first_planes(replica, 9u), first_planes(replica, 10u), first_planes(replica, 11u));
    for (var f = strand.begin; f < strand.end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let place = square_place(f);
        let spin = spins[at];
        let at_least = counts(antiparallel(first, f, place, spin));
        let c = compare_head(head, at_least.x, &state);
        var flip = at_least.y | c.less;
        let open = c.equal & ~at_least.y;
        if open != 0u {
            flip |= accepted_by_tail(replica, f, vec4<u32>(at_least.x, 0u, 0u, 0u), open);
        }
        spins[at] = flipped(place, spin, flip);
    }
}

// Lanes with at least 1 … 4, 5 and 6 antiparallel neighbours of six.
struct CountsOfSix {
    four: vec4<u32>,
    more: vec2<u32>,
}

fn counts_of_six(differs: vec4<u32>, more: vec2<u32>) -> CountsOfSix {
    let few = counts(differs);
    let one = more.x | more.y;
    let two = more.x & more.y;
    return CountsOfSix(
        vec4<u32>(
            few.x | one,
            few.y | (few.x & one) | two,
            few.z | (few.y & one) | (few.x & two),
            few.w | (few.z & one) | (few.y & two)),
        vec2<u32>((few.w & one) | (few.z & two), few.w & two));
}

const TABLE_OF_SIX: u32 = 224u;

fn threshold_of_six(replica: u32, d: u32, at_least: CountsOfSix) -> u32 {
    let at = TABLE_OF_SIX * replica + 7u * d;
    let four = vec4<u32>(acceptance[at + 1u], acceptance[at + 2u], acceptance[at + 3u], acceptance[at + 4u]);
    let steps = four & at_least.four;
    let more = vec2<u32>(acceptance[at + 5u], acceptance[at + 6u]) & at_least.more;
    return acceptance[at] ^ steps.x ^ steps.y ^ steps.z ^ steps.w ^ more.x ^ more.y;
}

fn accepted_by_tail_of_six(replica: u32, f: u32, at_least: CountsOfSix, undecided: u32) -> u32 {
    var open = undecided;
    var less = 0u;
    var state = tail_state(replica, f);
    for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
        let random = next_digit(&state);
        let digit = threshold_of_six(replica, d, at_least);
        less |= open & ~random & digit;
        open &= ~(random ^ digit);
    }
    return less;
}

@compute @workgroup_size(64)
fn cubic(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let strand = strand_of(64u * workgroup_number(workgroup, workgroups) + local);
    let replica = strand.replica;
    if replica >= p.replicas {
        return;
    }
    let first = strand.first;
    var state = head_state(strand);
    let drawn = acceptance[TABLE_OF_SIX * p.replicas + replica];
    for (var f = strand.begin; f < strand.end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let place = cubic_place(f);
        let spin = spins[at];
        let layers = vec2<u32>(spin) ^ layer_neighbours(first, p.colour, f);
        let at_least = counts_of_six(antiparallel(first, f, place, spin), layers);
        // With `drawn` antiparallel neighbours or more there is nothing to draw.
        var certain = 0u;
        switch drawn {
            case 0u: { certain = 0xffffffffu; }
            case 1u: { certain = at_least.four.x; }
            case 2u: { certain = at_least.four.y; }
            case 3u: { certain = at_least.four.z; }
            case 4u: { certain = at_least.four.w; }
            case 5u: { certain = at_least.more.x; }
            case 6u: { certain = at_least.more.y; }
            default: {}
        }
        var c = Comparison(0u, ~certain);
        for (var d = HEAD_DIGITS; d > 0u; d--) {
            c = compare_digit(c, next_digit(&state), threshold_of_six(replica, d - 1u, at_least));
        }
        var flip = certain | c.less;
        if c.equal != 0u {
            flip |= accepted_by_tail_of_six(replica, f, at_least, c.equal);
        }
        spins[at] = flipped(place, spin, flip);
    }
}

// Digits of P_0 and of the steps to one and to two antiparallel neighbours.
struct HeadOfThree {
    d0: vec3<u32>,
    d1: vec3<u32>,
    d2: vec3<u32>,
    d3: vec3<u32>,
    d4: vec3<u32>,
    d5: vec3<u32>,
    d6: vec3<u32>,
    d7: vec3<u32>,
    d8: vec3<u32>,
    d9: vec3<u32>,
    d10: vec3<u32>,
    d11: vec3<u32>,
}

fn planes_of_three(replica: u32, d: u32) -> vec3<u32> {
    let at = TABLE_OF_SIX * replica + 7u * d;
    return vec3<u32>(acceptance[at], acceptance[at + 1u], acceptance[at + 2u]);
}

fn threshold_of_three(digit: vec3<u32>, one: u32, two: u32) -> u32 {
    return digit.x ^ (one & digit.y) ^ (two & digit.z);
}

fn compare_head_of_three(head: HeadOfThree, one: u32, two: u32, state: ptr<function, vec4<u32>>) -> Comparison {
    var c = Comparison(0u, 0xffffffffu);
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d11, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d10, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d9, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d8, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d7, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d6, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d5, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d4, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d3, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d2, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d1, one, two));
    c = compare_digit(c, next_digit(state), threshold_of_three(head.d0, one, two));
    return c;
}

@compute @workgroup_size(64)
fn three_classes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let strand = strand_of(64u * workgroup_number(workgroup, workgroups) + local);
    let replica = strand.replica;
    if replica >= p.replicas {
        return;
    }
    let first = strand.first;
    var state = head_state(strand);
    let head = HeadOfThree(
        planes_of_three(replica, 0u), planes_of_three(replica, 1u), planes_of_three(replica, 2u),
        planes_of_three(replica, 3u), planes_of_three(replica, 4u), planes_of_three(replica, 5u),
        planes_of_three(replica, 6u), planes_of_three(replica, 7u), planes_of_three(replica, 8u),
        planes_of_three(replica, 9u), planes_of_three(replica, 10u), planes_of_three(replica, 11u));
    for (var f = strand.begin; f < strand.end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let place = cubic_place(f);
        let spin = spins[at];
        let layers = vec2<u32>(spin) ^ layer_neighbours(first, p.colour, f);
        let few = counts_of_six(antiparallel(first, f, place, spin), layers).four;
        let c = compare_head_of_three(head, few.x, few.y, &state);
        var flip = few.z | c.less;
        let open = c.equal & ~few.z;
        if open != 0u {
            // Beyond three classes there are no steps.
            let at_least = CountsOfSix(vec4<u32>(few.x, few.y, 0u, 0u), vec2<u32>(0u));
            flip |= accepted_by_tail_of_six(replica, f, at_least, open);
        }
        spins[at] = flipped(place, spin, flip);
    }
}
