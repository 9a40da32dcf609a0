// Copies the rows of a minibatch.
//
// Maths:  batch[i] = data[permutation(first + i)].
// Shapes: data [rows, words], batch [count, words], packed.
// Random: the keyed permutation of the epoch, a function of (position, keys).
// Class:  exact.
// Source: Feistel networks with cycle walking: Black and Rogaway, CT-RSA 2002.
//!import grid
//!import permutation
struct Parameters {
    first: u32,
    count: u32,
    words: u32,
    total: u32,
    half_bits: u32,
    key_0: u32,
    key_1: u32,
    key_2: u32,
    key_3: u32,
    key_4: u32,
    key_5: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> data: array<u32>;
@group(0) @binding(2) var<storage, read_write> batch: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    if index >= p.count * p.words {
        return;
    }
    let row = permuted_row(p.first + index / p.words, p.total, p.half_bits,
        vec4<u32>(p.key_0, p.key_1, p.key_2, p.key_3), vec2<u32>(p.key_4, p.key_5));
    batch[index] = data[row * p.words + index % p.words];
}
