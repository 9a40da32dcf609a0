// Updates all sites of one colour of 32 replicas a word, by tables of acceptance.
//
// Maths:  the signs of a site's n terms (digit 1 where the product of its spins is −1) make the number of an entry in the
//         site's table; the spin is turned if U is below the entry. The largest number stands for P = 1.
// Shapes: spins [sites, words], bit = replica; graph = the sites of all colours, then where the description of each site
//         begins, then the descriptions: (table, terms), and of each term (others + 4 · odd) and its other sites;
//         thresholds [temperatures, entries]; temperatures [replicas].
// Random: U of site i, sweep t, replica r is word r % 4 of the Philox block (i, t, IsingTable, r / 4).
// Class:  exact.
// Source: Metropolis et al. 1953; Zorn, Herrmann and Rebbi 1981.
//!import grid
//!import philox
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    sweep: u32,
    stream: u32,
    replicas: u32,
    words: u32,
    colour_first: u32,
    colour_sites: u32,
    starts_first: u32,
    program_first: u32,
    entries: u32,
}

const ALWAYS: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> graph: array<u32>;
@group(0) @binding(2) var<storage, read> thresholds: array<u32>;
@group(0) @binding(3) var<storage, read> temperatures: array<u32>;
@group(0) @binding(4) var<storage, read_write> spins: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let word = index % p.words;
    if index / p.words >= p.colour_sites {
        return;
    }
    let site = graph[p.colour_first + index / p.words];
    let start = p.program_first + graph[p.starts_first + site];
    let table = graph[start];
    let terms = graph[start + 1u];
    let spin = spins[site * p.words + word];
    // Replicas in which a term is negative.
    var negative: array<u32, 12>;
    var at = start + 2u;
    for (var digit = 0u; digit < terms; digit++) {
        let others = graph[at] & 3u;
        var product = spin ^ (0u - (graph[at] >> 2u));
        for (var k = 1u; k <= others; k++) {
            product ^= spins[graph[at + k] * p.words + word];
        }
        negative[digit] = product;
        at += 1u + others;
    }
    let first_replica = 32u * word;
    let lanes = min(p.replicas - first_replica, 32u);
    var turned = 0u;
    for (var four = 0u; 4u * four < lanes; four++) {
        let counter = vec4<u32>(site, p.sweep, p.stream, 8u * word + four);
        let random = philox(counter, vec2<u32>(p.seed_low, p.seed_high));
        for (var lane = 4u * four; lane < min(4u * four + 4u, lanes); lane++) {
            var entry = temperatures[first_replica + lane] * p.entries + table;
            for (var digit = 0u; digit < terms; digit++) {
                entry += ((negative[digit] >> lane) & 1u) << digit;
            }
            let threshold = thresholds[entry];
            if random[lane & 3u] < threshold || threshold == ALWAYS {
                turned |= 1u << lane;
            }
        }
    }
    spins[site * p.words + word] = spin ^ turned;
}
