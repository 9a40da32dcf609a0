// Appends the sums of every replica to the record on the device.
//
// Maths:  antiparallel = Σ_<ij> [s_i ≠ s_j], each bond once; up = Σ_i [s_i = +1].
// Shapes: spins [sites, words]; graph as in ising_half_sweep; record [rows, replicas, 2], row `row` all zero before.
// Random: none.
// Class:  exact: integers, added atomically, so their order does not matter.
// Source: bit-sliced counting as in ising_half_sweep.
//!import grid
struct Parameters {
    sites: u32,
    replicas: u32,
    words: u32,
    row: u32,
    neighbours_first: u32,
    sites_a_turn: u32,
    sites_a_group: u32,
    planes: u32,
    counters: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> graph: array<u32>;
@group(0) @binding(2) var<storage, read> spins: array<u32>;
@group(0) @binding(3) var<storage, read_write> record: array<atomic<u32>>;

// Bit-sliced counters up to 255 of all invocations: [plane, invocation].
var<workgroup> antiparallel_planes: array<u32, 512>;
var<workgroup> up_planes: array<u32, 512>;

struct Planes {
    low: vec4<u32>,
    high: vec4<u32>,
}

fn add_bits(planes: ptr<function, Planes>, bits: u32) {
    let low = (*planes).low;
    let high = (*planes).high;
    let c1 = low.x & bits;
    let c2 = low.y & c1;
    let c3 = low.z & c2;
    let c4 = low.w & c3;
    let c5 = high.x & c4;
    let c6 = high.y & c5;
    let c7 = high.z & c6;
    (*planes).low = low ^ vec4<u32>(bits, c1, c2, c3);
    (*planes).high = high ^ vec4<u32>(c4, c5, c6, c7);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let word = number % p.words;
    let first = (number / p.words) * p.sites_a_group;
    if first >= p.sites {
        return;
    }
    let end = min(first + p.sites_a_group, p.sites);
    let lane = local % 32u;
    var antiparallel_sum = 0u;
    var up_sum = 0u;
    // Every turn an invocation counts at most sites_a_turn sites, few enough for 8 planes.
    for (var turn = first; turn < end; turn += 64u * p.sites_a_turn) {
        var antiparallel: Planes;
        var up: Planes;
        for (var i = 0u; i < p.sites_a_turn; i++) {
            let site = turn + 64u * i + local;
            if site < end {
                let spin = spins[site * p.words + word];
                add_bits(&up, spin);
                for (var n = graph[site]; n < graph[site + 1u]; n++) {
                    let neighbour = graph[p.neighbours_first + n];
                    if neighbour > site {
                        add_bits(&antiparallel, spin ^ spins[neighbour * p.words + word]);
                    }
                }
            }
        }
        antiparallel_planes[local] = antiparallel.low.x;
        antiparallel_planes[64u + local] = antiparallel.low.y;
        antiparallel_planes[128u + local] = antiparallel.low.z;
        antiparallel_planes[192u + local] = antiparallel.low.w;
        antiparallel_planes[256u + local] = antiparallel.high.x;
        antiparallel_planes[320u + local] = antiparallel.high.y;
        antiparallel_planes[384u + local] = antiparallel.high.z;
        antiparallel_planes[448u + local] = antiparallel.high.w;
        up_planes[local] = up.low.x;
        up_planes[64u + local] = up.low.y;
        up_planes[128u + local] = up.low.z;
        up_planes[192u + local] = up.low.w;
        up_planes[256u + local] = up.high.x;
        up_planes[320u + local] = up.high.y;
        up_planes[384u + local] = up.high.z;
        up_planes[448u + local] = up.high.w;
        workgroupBarrier();
        // Two invocations a lane, each for every other counter; planes and counters that stay zero are left out.
        for (var plane = 0u; plane < p.planes; plane++) {
            for (var i = local / 32u; i < p.counters; i += 2u) {
                let at = 64u * plane + i;
                antiparallel_sum += ((antiparallel_planes[at] >> lane) & 1u) << plane;
                up_sum += ((up_planes[at] >> lane) & 1u) << plane;
            }
        }
        workgroupBarrier();
    }
    let replica = 32u * word + lane;
    if replica < p.replicas {
        let at = 2u * (p.row * p.replicas + replica);
        atomicAdd(&record[at], antiparallel_sum);
        atomicAdd(&record[at + 1u], up_sum);
    }
}
