// Updates all sites of one colour of 32 replicas a word, bit-sliced.
//
// Maths:  a site with z neighbours, a of them antiparallel, flips if U < P(z − 2a); P as 32-digit integers, U compared
//         digit by digit: 12 digits without a branch, the rest only where a lane is still open.
// Shapes: spins [sites, words], bit = replica; graph = offsets [sites + 1], neighbours, the sites of all colours, then
//         (first, sites, position) of each colour and (drawn, first plane) of each degree; acceptance of a degree
//         [32, drawn, words] digits of P_0, P_0 ⊕ P_1, … and [drawn, words] lanes that flip without a draw.
// Random: site k of the tile at position p (8 sites in the order of the colours) takes outputs 12 k … of the sfc32
//         stream at (p, sweep, IsingFlip, word) as digits 11 … 0; digits from 12 on from (site, sweep, IsingTail, word).
// Class:  exact.
// Source: Metropolis et al. 1953; Creutz, Jacobs, Rebbi 1979 (multi-spin coding); lazy digits: Rieger 1993.
//
// Entries: main, any graph; for regular graphs four_neighbours, degree 4 and two drawn classes (Metropolis), and four_any,
// degree 4 or less and any table of five classes (heat bath): an invocation is a tile of a word, one dispatch a
// half-sweep. A missing neighbour is the site itself, which is never antiparallel. small and small_any: as these two with
// the spins of some words in workgroup memory and many sweeps in one dispatch; words_a_group divides 64.
//!import grid
//!import philox
//!import flip_head
//!import four
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    sweep: u32,
    sweeps: u32,
    stream: u32,
    tail_stream: u32,
    order_stream: u32,
    replicas: u32,
    words: u32,
    sites: u32,
    colour: u32,
    colours: u32,
    colours_first: u32,
    neighbours_first: u32,
    degrees_first: u32,
    words_a_group: u32,
}

const TILE_SITES: u32 = 8u;

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> graph: array<u32>;
@group(0) @binding(2) var<storage, read> acceptance: array<u32>;
@group(0) @binding(3) var<storage, read_write> spins: array<u32>;

// [sites, words of the group].
var<workgroup> lattice: array<u32, 4096>;

// A run of sites that share a stream, and the sites before them in their colour.
struct Tile {
    first: u32,
    end: u32,
    state: vec4<u32>,
}

fn tile_of(number: u32, colour: u32, sweep: u32, word: u32) -> Tile {
    let table = p.colours_first + 3u * colour;
    let skipped = TILE_SITES * number;
    let count = min(TILE_SITES, graph[table + 1u] - skipped);
    let first = graph[table] + skipped;
    let counter = vec4<u32>(graph[table + 2u] + skipped, sweep, p.stream, word);
    return Tile(first, first + count, philox(counter, vec2<u32>(p.seed_low, p.seed_high)));
}

fn tiles_of(colour: u32) -> u32 {
    return (graph[p.colours_first + 3u * colour + 1u] + TILE_SITES - 1u) / TILE_SITES;
}

// Sweeps for which an order of the colours stays.
const ORDER_SWEEPS = 64u;

// Word for the order of the colours in a sweep.
fn order_of(sweep: u32) -> u32 {
    let turn = sweep / ORDER_SWEEPS;
    let block = philox(vec4<u32>(turn / 4u, 0u, p.order_stream, 0u), vec2<u32>(p.seed_low, p.seed_high));
    return block[turn % 4u];
}

// The colour that comes after `k` others: from a random one on, upwards or downwards.
fn colour_at(order: u32, k: u32) -> u32 {
    let first = ((order >> 16u) * p.colours) >> 16u;
    return (first + select(k, p.colours - k, (order & 1u) == 1u)) % p.colours;
}

// Replicas of a word that exist.
fn lanes_of(word: u32) -> u32 {
    return 0xffffffffu >> (32u - min(p.replicas - 32u * word, 32u));
}

fn tail_state(site: u32, sweep: u32, word: u32) -> vec4<u32> {
    return philox(vec4<u32>(site, sweep, p.tail_stream, word), vec2<u32>(p.seed_low, p.seed_high));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let word = index % p.words;
    if index / p.words >= tiles_of(p.colour) {
        return;
    }
    let tile = tile_of(index / p.words, p.colour, p.sweep, word);
    let lanes = lanes_of(word);
    var state = tile.state;
    for (var i = tile.first; i < tile.end; i++) {
        let site = graph[i];
        let first = graph[site];
        let degree = graph[site + 1u] - first;
        let spin = spins[site * p.words + word];
        // Lanes with at least k antiparallel neighbours.
        var at_least: array<u32, 17>;
        at_least[0] = lanes;
        for (var n = 0u; n < degree; n++) {
            let differs = spin ^ spins[graph[p.neighbours_first + first + n] * p.words + word];
            for (var k = n + 1u; k > 0u; k--) {
                at_least[k] |= at_least[k - 1u] & differs;
            }
        }
        let drawn = graph[p.degrees_first + 2u * degree];
        let planes = graph[p.degrees_first + 2u * degree + 1u] + word;
        var certain = at_least[drawn];
        for (var a = 0u; a < drawn; a++) {
            certain |= at_least[a] & ~at_least[a + 1u] & acceptance[planes + (32u * drawn + a) * p.words];
        }
        var c = Comparison(0u, lanes & ~certain);
        for (var d = HEAD_DIGITS; d > 0u; d--) {
            var threshold = 0u;
            for (var k = 0u; k < drawn; k++) {
                threshold ^= at_least[k] & acceptance[planes + ((d - 1u) * drawn + k) * p.words];
            }
            c = compare_digit(c, next_digit(&state), threshold);
        }
        var flip = certain | c.less;
        var open = c.equal;
        if open != 0u && drawn != 0u {
            var tail = tail_state(site, p.sweep, word);
            for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
                let random = next_digit(&tail);
                var threshold = 0u;
                for (var k = 0u; k < drawn; k++) {
                    threshold ^= at_least[k] & acceptance[planes + (d * drawn + k) * p.words];
                }
                flip |= open & ~random & threshold;
                open &= ~(random ^ threshold);
            }
        }
        spins[site * p.words + word] = spin ^ (flip & lanes);
    }
}

// Digit d of P_0 and P_0 ⊕ P_1 of four neighbours, where two classes are drawn.
fn plane(d: u32, word: u32) -> vec2<u32> {
    let first = graph[p.degrees_first + 9u] + 2u * d * p.words + word;
    return vec2<u32>(acceptance[first], acceptance[first + p.words]);
}

fn head_of(word: u32) -> HeadOfTwo {
    return HeadOfTwo(
        plane(0u, word), plane(1u, word), plane(2u, word), plane(3u, word), plane(4u, word), plane(5u, word),
        plane(6u, word), plane(7u, word), plane(8u, word), plane(9u, word), plane(10u, word), plane(11u, word));
}

// Lanes of `open` that accept by the digits beyond the head.
fn accepted_by_tail(site: u32, sweep: u32, word: u32, one: u32, undecided: u32) -> u32 {
    var open = undecided;
    var less = 0u;
    var state = tail_state(site, sweep, word);
    for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
        let random = next_digit(&state);
        let digit = plane(d, word);
        let threshold = digit.x ^ (one & digit.y);
        less |= open & ~random & threshold;
        open &= ~(random ^ threshold);
    }
    return less;
}

// Lanes that flip: always with two or more antiparallel neighbours, else by the draw.
fn flips(differs: vec4<u32>, head: HeadOfTwo, state: ptr<function, vec4<u32>>, site: u32, sweep: u32, word: u32) -> u32 {
    let some = differs.x | differs.y;
    let other = differs.z | differs.w;
    let one = some | other;
    let two = (differs.x & differs.y) | (differs.z & differs.w) | (some & other);
    let c = compare_head(head, one, state);
    let lanes = lanes_of(word);
    let open = c.equal & ~two & lanes;
    var flip = two | c.less;
    if open != 0u {
        flip |= accepted_by_tail(site, sweep, word, one, open);
    }
    return flip & lanes;
}

// Planes of a table of five classes: [32, 5, words] digits, then [5, words] lanes that flip without a draw.
fn threshold_of_five(first: u32, d: u32, at_least: vec4<u32>) -> u32 {
    let at = first + 5u * d * p.words;
    let steps = vec4<u32>(
        acceptance[at + p.words],
        acceptance[at + 2u * p.words],
        acceptance[at + 3u * p.words],
        acceptance[at + 4u * p.words]) & at_least;
    return acceptance[at] ^ steps.x ^ steps.y ^ steps.z ^ steps.w;
}

// Head digits of five classes: of P_0 and of the steps to one, two and three antiparallel neighbours, and of the step to
// four; and the lanes that flip without a draw with none, one, two and three, and with four.
struct HeadOfFive {
    d0: vec4<u32>,
    d1: vec4<u32>,
    d2: vec4<u32>,
    d3: vec4<u32>,
    d4: vec4<u32>,
    d5: vec4<u32>,
    d6: vec4<u32>,
    d7: vec4<u32>,
    d8: vec4<u32>,
    d9: vec4<u32>,
    d10: vec4<u32>,
    d11: vec4<u32>,
    last0: vec4<u32>,
    last4: vec4<u32>,
    last8: vec4<u32>,
    always: vec4<u32>,
    always_all: u32,
}

fn rows_of_five(at: u32) -> vec4<u32> {
    return vec4<u32>(
        acceptance[at], acceptance[at + p.words], acceptance[at + 2u * p.words], acceptance[at + 3u * p.words]);
}

fn last_steps(first: u32, d: u32) -> vec4<u32> {
    let at = first + (5u * d + 4u) * p.words;
    return vec4<u32>(
        acceptance[at], acceptance[at + 5u * p.words], acceptance[at + 10u * p.words], acceptance[at + 15u * p.words]);
}

fn head_of_five(word: u32) -> HeadOfFive {
    let first = graph[p.degrees_first + 9u] + word;
    let line = 5u * p.words;
    return HeadOfFive(
        rows_of_five(first + 0u * line), rows_of_five(first + 1u * line),
        rows_of_five(first + 2u * line), rows_of_five(first + 3u * line),
        rows_of_five(first + 4u * line), rows_of_five(first + 5u * line),
        rows_of_five(first + 6u * line), rows_of_five(first + 7u * line),
        rows_of_five(first + 8u * line), rows_of_five(first + 9u * line),
        rows_of_five(first + 10u * line), rows_of_five(first + 11u * line),
        last_steps(first, 0u), last_steps(first, 4u), last_steps(first, 8u),
        rows_of_five(first + 32u * line), acceptance[first + 32u * line + 4u * p.words]);
}

fn compare_digit_of_five(
    c: Comparison,
    digit: vec4<u32>,
    last: u32,
    at_least: vec4<u32>,
    state: ptr<function, vec4<u32>>,
) -> Comparison {
    let lower = digit.x ^ (at_least.x & digit.y) ^ (at_least.y & digit.z);
    let upper = (at_least.z & digit.w) ^ (at_least.w & last);
    return compare_digit(c, next_digit(state), lower ^ upper);
}

// Lanes that flip by a table of five classes.
fn flips_of_five(
    differs: vec4<u32>,
    head: HeadOfFive,
    state: ptr<function, vec4<u32>>,
    site: u32,
    sweep: u32,
    word: u32,
) -> u32 {
    let lanes = lanes_of(word);
    let at_least = counts(differs);
    let sure = vec4<u32>(lanes, at_least.xyz) & ~at_least & head.always;
    let certain = sure.x | sure.y | sure.z | sure.w | (at_least.w & head.always_all);
    var c = Comparison(0u, lanes & ~certain);
    c = compare_digit_of_five(c, head.d11, head.last8.w, at_least, state);
    c = compare_digit_of_five(c, head.d10, head.last8.z, at_least, state);
    c = compare_digit_of_five(c, head.d9, head.last8.y, at_least, state);
    c = compare_digit_of_five(c, head.d8, head.last8.x, at_least, state);
    c = compare_digit_of_five(c, head.d7, head.last4.w, at_least, state);
    c = compare_digit_of_five(c, head.d6, head.last4.z, at_least, state);
    c = compare_digit_of_five(c, head.d5, head.last4.y, at_least, state);
    c = compare_digit_of_five(c, head.d4, head.last4.x, at_least, state);
    c = compare_digit_of_five(c, head.d3, head.last0.w, at_least, state);
    c = compare_digit_of_five(c, head.d2, head.last0.z, at_least, state);
    c = compare_digit_of_five(c, head.d1, head.last0.y, at_least, state);
    c = compare_digit_of_five(c, head.d0, head.last0.x, at_least, state);
    var flip = certain | c.less;
    var open = c.equal;
    if open != 0u {
        let first = graph[p.degrees_first + 9u] + word;
        var tail = tail_state(site, sweep, word);
        for (var d = HEAD_DIGITS; d < 32u && open != 0u; d++) {
            let random = next_digit(&tail);
            let threshold = threshold_of_five(first, d, at_least);
            flip |= open & ~random & threshold;
            open &= ~(random ^ threshold);
        }
    }
    return flip & lanes;
}

// Lanes in which the four neighbours of a site differ from `spin`.
fn differs_of(site: u32, word: u32, spin: u32) -> vec4<u32> {
    let n = p.neighbours_first + 4u * site;
    return vec4<u32>(spin) ^ vec4<u32>(
        spins[graph[n] * p.words + word],
        spins[graph[n + 1u] * p.words + word],
        spins[graph[n + 2u] * p.words + word],
        spins[graph[n + 3u] * p.words + word]);
}

// The same in workgroup memory.
fn differs_inside(site: u32, words: u32, inside: u32, spin: u32) -> vec4<u32> {
    let n = p.neighbours_first + 4u * site;
    return vec4<u32>(spin) ^ vec4<u32>(
        lattice[graph[n] * words + inside],
        lattice[graph[n + 1u] * words + inside],
        lattice[graph[n + 2u] * words + inside],
        lattice[graph[n + 3u] * words + inside]);
}

fn fill_lattice(local: u32, first_word: u32, words: u32) {
    for (var i = local; i < p.sites * words; i += 64u) {
        lattice[i] = spins[(i / words) * p.words + first_word + i % words];
    }
    workgroupBarrier();
}

fn store_lattice(local: u32, first_word: u32, words: u32) {
    for (var i = local; i < p.sites * words; i += 64u) {
        spins[(i / words) * p.words + first_word + i % words] = lattice[i];
    }
}

@compute @workgroup_size(64)
fn four_neighbours(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let word = index % p.words;
    if index / p.words >= tiles_of(p.colour) {
        return;
    }
    let tile = tile_of(index / p.words, p.colour, p.sweep, word);
    let head = head_of(word);
    var state = tile.state;
    for (var i = tile.first; i < tile.end; i++) {
        let site = graph[i];
        let at = site * p.words + word;
        let spin = spins[at];
        spins[at] = spin ^ flips(differs_of(site, word, spin), head, &state, site, p.sweep, word);
    }
}

@compute @workgroup_size(64)
fn four_any(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let word = index % p.words;
    if index / p.words >= tiles_of(p.colour) {
        return;
    }
    let tile = tile_of(index / p.words, p.colour, p.sweep, word);
    let head = head_of_five(word);
    var state = tile.state;
    for (var i = tile.first; i < tile.end; i++) {
        let site = graph[i];
        let at = site * p.words + word;
        let spin = spins[at];
        spins[at] = spin ^ flips_of_five(differs_of(site, word, spin), head, &state, site, p.sweep, word);
    }
}

@compute @workgroup_size(64)
fn small(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_word = workgroup_number(workgroup, workgroups) * p.words_a_group;
    if first_word >= p.words {
        return;
    }
    let words = min(p.words_a_group, p.words - first_word);
    fill_lattice(local, first_word, words);
    // An invocation keeps to one word; in the last group some have none and take the first without storing it.
    let inside = local % p.words_a_group;
    let idle = inside >= words;
    let word = select(first_word + inside, first_word, idle);
    let head = head_of(word);
    var order: u32;
    for (var sweep = p.sweep; sweep < p.sweep + p.sweeps; sweep++) {
        if sweep == p.sweep || sweep % ORDER_SWEEPS == 0u {
            order = order_of(sweep);
        }
        for (var k = 0u; k < p.colours; k++) {
            let colour = colour_at(order, k);
            let tiles = select(tiles_of(colour), 0u, idle);
            for (var number = local / p.words_a_group; number < tiles; number += 64u / p.words_a_group) {
                let tile = tile_of(number, colour, sweep, word);
                var state = tile.state;
                for (var i = tile.first; i < tile.end; i++) {
                    let site = graph[i];
                    let at = site * words + inside;
                    let spin = lattice[at];
                    let differs = differs_inside(site, words, inside, spin);
                    lattice[at] = spin ^ flips(differs, head, &state, site, sweep, word);
                }
            }
            workgroupBarrier();
        }
    }
    store_lattice(local, first_word, words);
}

@compute @workgroup_size(64)
fn small_any(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_word = workgroup_number(workgroup, workgroups) * p.words_a_group;
    if first_word >= p.words {
        return;
    }
    let words = min(p.words_a_group, p.words - first_word);
    fill_lattice(local, first_word, words);
    // An invocation keeps to one word; in the last group some have none and take the first without storing it.
    let inside = local % p.words_a_group;
    let idle = inside >= words;
    let word = select(first_word + inside, first_word, idle);
    let head = head_of_five(word);
    var order: u32;
    for (var sweep = p.sweep; sweep < p.sweep + p.sweeps; sweep++) {
        if sweep == p.sweep || sweep % ORDER_SWEEPS == 0u {
            order = order_of(sweep);
        }
        for (var k = 0u; k < p.colours; k++) {
            let colour = colour_at(order, k);
            let tiles = select(tiles_of(colour), 0u, idle);
            for (var number = local / p.words_a_group; number < tiles; number += 64u / p.words_a_group) {
                let tile = tile_of(number, colour, sweep, word);
                var state = tile.state;
                for (var i = tile.first; i < tile.end; i++) {
                    let site = graph[i];
                    let at = site * words + inside;
                    let spin = lattice[at];
                    let differs = differs_inside(site, words, inside, spin);
                    lattice[at] = spin ^ flips_of_five(differs, head, &state, site, sweep, word);
                }
            }
            workgroupBarrier();
        }
    }
    store_lattice(local, first_word, words);
}
