// Updates all sites of one colour of a square lattice with one bit a site.
//
// Maths:  as ising_half_sweep, with one temperature in all lanes and neighbours by shifts.
// Shapes: spins [replicas, 2, length, length / 64]; acceptance [replicas, 32, 5] digits of P_0, P_0 ⊕ P_1, … as whole
//         words, then [replicas] numbers of drawn classes.
// Random: words f = 256 b + 32 k + l of a colour, k = 0 … 7, share the sfc32 stream at (colour · words + 256 b + l,
//         sweep, SquareFlip, replica); word k takes outputs 12 k … as digits 11 … 0; digits from 12 on from
//         (colour · words + f, sweep, SquareTail, replica).
// Class:  exact.
// Source: Block, Virnau, Preis 2010 (a lattice in words); digits as in ising_half_sweep.
//
// Entries: main, any table of four neighbours; two_classes, where two classes are drawn (Metropolis). An invocation is a
// stream: 8 words, 32 apart, so that neighbouring invocations read neighbouring words.
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
    streams: u32,
}

const STRIDE: u32 = 32u;
const BLOCK: u32 = 256u;
const TABLE: u32 = 160u;

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> acceptance: array<u32>;
@group(0) @binding(2) var<storage, read_write> spins: array<u32>;
//!import square

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

fn accepted_by_tail(replica: u32, f: u32, at_least: vec4<u32>, undecided: u32) -> u32 {
    var open = undecided;
    var less = 0u;
    let counter = vec4<u32>(p.colour * p.words + f, p.sweep, p.tail_stream, replica);
    var state = philox(counter, vec2<u32>(p.seed_low, p.seed_high));
    for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
        let random = next_digit(&state);
        let digit = threshold(replica, d, at_least);
        less |= open & ~random & digit;
        open &= ~(random ^ digit);
    }
    return less;
}

fn antiparallel(first: u32, f: u32, spin: u32) -> vec4<u32> {
    let n = square_neighbours(first, p.colour, f);
    return vec4<u32>(spin) ^ vec4<u32>(n.up, n.down, n.beside, n.side);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let replica = index / p.streams;
    if replica >= p.replicas {
        return;
    }
    let number = index % p.streams;
    let begin = BLOCK * (number / STRIDE) + number % STRIDE;
    let end = min(BLOCK * (number / STRIDE + 1u), p.words);
    let first = 2u * p.words * replica;
    let counter = vec4<u32>(p.colour * p.words + begin, p.sweep, p.stream, replica);
    var state = philox(counter, vec2<u32>(p.seed_low, p.seed_high));
    let drawn = acceptance[TABLE * p.replicas + replica];
    for (var f = begin; f < end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let spin = spins[at];
        let at_least = counts(antiparallel(first, f, spin));
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
        spins[at] = spin ^ flip;
    }
}

@compute @workgroup_size(64)
fn two_classes(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let replica = index / p.streams;
    if replica >= p.replicas {
        return;
    }
    let number = index % p.streams;
    let begin = BLOCK * (number / STRIDE) + number % STRIDE;
    let end = min(BLOCK * (number / STRIDE + 1u), p.words);
    let first = 2u * p.words * replica;
    let counter = vec4<u32>(p.colour * p.words + begin, p.sweep, p.stream, replica);
    var state = philox(counter, vec2<u32>(p.seed_low, p.seed_high));
    let head = HeadOfTwo(
        first_planes(replica, 0u), first_planes(replica, 1u), first_planes(replica, 2u), first_planes(replica, 3u),
        first_planes(replica, 4u), first_planes(replica, 5u), first_planes(replica, 6u), first_planes(replica, 7u),
        first_planes(replica, 8u), first_planes(replica, 9u), first_planes(replica, 10u), first_planes(replica, 11u));
    for (var f = begin; f < end; f += STRIDE) {
        let at = first + p.colour * p.words + f;
        let spin = spins[at];
        let at_least = counts(antiparallel(first, f, spin));
        let c = compare_head(head, at_least.x, &state);
        var flip = at_least.y | c.less;
        let open = c.equal & ~at_least.y;
        if open != 0u {
            flip |= accepted_by_tail(replica, f, vec4<u32>(at_least.x, 0u, 0u, 0u), open);
        }
        spins[at] = spin ^ flip;
    }
}
