// Appends the sums of every lattice with one bit a site to the record on the device.
//
// Maths:  every bond joins the two colours, so the neighbours of the even colour are all bonds; set bits are counted.
// Shapes: spins [replicas, 2, words], unused bits zero; record [rows, replicas, 2], row `row` all zero before.
// Random: none.
// Class:  exact: integers, added atomically, so their order does not matter.
// Source: counting of set bits.
//!import grid
struct Parameters {
    replicas: u32,
    words: u32,
    words_a_row: u32,
    length: u32,
    last_bit: u32,
    cubic: u32,
    row: u32,
    groups: u32,
    words_a_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> spins: array<u32>;
@group(0) @binding(2) var<storage, read_write> record: array<atomic<u32>>;
//!import torus

var<workgroup> antiparallel_sum: atomic<u32>;
var<workgroup> up_sum: atomic<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let replica = number / p.groups;
    if replica >= p.replicas {
        return;
    }
    let begin = (number % p.groups) * p.words_a_group;
    let end = min(begin + p.words_a_group, p.words);
    let first = 2u * p.words * replica;
    var antiparallel = 0u;
    var up = 0u;
    for (var f = begin + local; f < end; f += 64u) {
        let spin = spins[first + f];
        var place = square_place(f);
        if p.cubic == 1u {
            place = cubic_place(f);
        }
        let n = row_neighbours(first, 0u, f, place);
        let bits = countOneBits(vec4<u32>(spin) ^ vec4<u32>(n.above, n.below, n.beside, n.side));
        antiparallel += bits.x + bits.y + bits.z + bits.w;
        if p.cubic == 1u {
            let more = countOneBits(vec2<u32>(spin) ^ layer_neighbours(first, 0u, f));
            antiparallel += more.x + more.y;
        }
        up += countOneBits(spin) + countOneBits(n.beside);
    }
    atomicAdd(&antiparallel_sum, antiparallel);
    atomicAdd(&up_sum, up);
    workgroupBarrier();
    if local == 0u {
        let at = 2u * (p.row * p.replicas + replica);
        atomicAdd(&record[at], atomicLoad(&antiparallel_sum));
        atomicAdd(&record[at + 1u], atomicLoad(&up_sum));
    }
}
