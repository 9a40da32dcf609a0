// Updates all sites of one colour of 32 replicas a word, bit-sliced.
//
// Maths:  a site with z neighbours, a of them antiparallel, flips if U < P(z − 2a); P as 32-digit integers, U drawn
//         digit by digit, most significant first, until no lane is undecided.
// Shapes: spins [sites, words], bit = replica; digits [2 D + 1, 32, words] and always [2 D + 1, words], D = max_degree;
//         graph = offsets [sites + 1], neighbours, then the sites of all colours.
// Random: sfc32 seeded by Philox([site, sweep, IsingFlip, word], seed); digit d is its d-th output. No draw where no
//         lane needs one.
// Class:  exact.
// Source: Metropolis et al. 1953; Creutz, Jacobs, Rebbi 1979 (multi-spin coding); lazy digits: Rieger 1993.
//!import grid
//!import philox
//!import sfc32
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    sweep: u32,
    stream: u32,
    replicas: u32,
    words: u32,
    colour_first: u32,
    colour_sites: u32,
    neighbours_first: u32,
    max_degree: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> graph: array<u32>;
@group(0) @binding(2) var<storage, read> digits: array<u32>;
@group(0) @binding(3) var<storage, read> always: array<u32>;
@group(0) @binding(4) var<storage, read_write> spins: array<u32>;

// Lanes whose count, bit-sliced in `planes`, equals `value`.
fn lanes_equal(planes: vec4<u32>, value: u32) -> u32 {
    let wanted = vec4<u32>(0u) - ((vec4<u32>(value) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u));
    let same = ~(planes ^ wanted);
    return same.x & same.y & same.z & same.w;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    if index >= p.colour_sites * p.words {
        return;
    }
    let word = index % p.words;
    let site = graph[p.colour_first + index / p.words];
    let first = graph[site];
    let degree = graph[site + 1u] - first;
    let spin = spins[site * p.words + word];
    let used = min(p.replicas - 32u * word, 32u);
    let lanes = 0xffffffffu >> (32u - used);

    // Antiparallel neighbours of each lane: a ripple-carry count in four planes, up to 15.
    var planes = vec4<u32>(0u);
    for (var n = 0u; n < degree; n++) {
        let neighbour = graph[p.neighbours_first + first + n];
        var carry = spin ^ spins[neighbour * p.words + word];
        let carry_1 = planes.x & carry;
        let carry_2 = planes.y & carry_1;
        let carry_3 = planes.z & carry_2;
        planes ^= vec4<u32>(carry, carry_1, carry_2, carry_3);
    }

    var flip = 0u;
    var masks: array<u32, 16>;
    for (var a = 0u; a <= degree; a++) {
        let mask = lanes_equal(planes, a) & lanes;
        masks[a] = mask;
        flip |= mask & always[(p.max_degree + degree - 2u * a) * p.words + word];
    }
    var undecided = lanes & ~flip;
    if undecided != 0u {
        var state = philox(vec4<u32>(site, p.sweep, p.stream, word), vec2<u32>(p.seed_low, p.seed_high));
        var less = 0u;
        for (var d = 0u; d < 32u; d++) {
            let random = next_digit(&state);
            var threshold = 0u;
            for (var a = 0u; a <= degree; a++) {
                if (masks[a] & undecided) != 0u {
                    let row = p.max_degree + degree - 2u * a;
                    threshold |= masks[a] & digits[(32u * row + d) * p.words + word];
                }
            }
            less |= undecided & ~random & threshold;
            undecided &= ~(random ^ threshold);
            if undecided == 0u {
                break;
            }
        }
        flip |= less;
    }
    spins[site * p.words + word] = spin ^ flip;
}
