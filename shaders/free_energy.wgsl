// Free energy of every row.
//
// Maths:  F(v) = −Σ_j b_j v_j − Σ_i softplus(c_i + Σ_j w_ji v_j), in nats.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden], energies [words, chains], one part for the 32
//         hidden units of each word, −Σ_j b_j v_j with the first; the host adds them in f64. Rows from first_row.
// Random: none.
// Class:  bounded, by the f32 sums over inputs and over units and by softplus.
// Source: Hinton 2010, eq. 25.
//!import grid_part
//!import row_sum
//!import sigmoid
//!import machine
struct Parameters {
    first_row: u32,
    chains: u32,
    first_input: u32,
    n_visible: u32,
    n_hidden: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(3) var<storage, read> states: array<u32>;
@group(0) @binding(4) var<storage, read_write> energies: array<f32>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;

fn carried(index: u32) -> f32 {
    return sums[index];
}

fn state_at(index: u32) -> u32 {
    return states[p.first_row * ((p.n_visible + 31u) / 32u) + index];
}

fn linear_scales(chain: u32) -> vec4<f32> {
    return vec4<f32>(1.0);
}

fn linear_coefficients(input: u32, scales: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(biases[input]);
}

fn store_sum(chain: u32, word: u32, sum: f32) {
    energies[word * p.chains + chain] = -sum;
}

fn part_of(x: vec4<f32>, exists: vec4<f32>) -> f32 {
    return total_of(exists * softplus4(x));
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let origin = tile_origin(workgroup_number(workgroup, workgroups), p.n_hidden);
    let first_chain = origin.x;
    let first_unit = origin.y;
    if first_chain >= p.chains {
        return;
    }
    let shape = shape_of_machine();
    let tile = inner_product(local, first_chain, first_unit, shape);
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
//!each four
        {
            let x = plus(tile.x{four}_{quad}, c);
            let part = vec4<f32>(part_of(x.a, e), part_of(x.b, e), part_of(x.c, e), part_of(x.d, e));
            leave_part(local, {four}u, {quad}u, part, first_chain, first_unit, shape);
        }
//!end
    }
//!end
    sum_parts(local, first_chain, first_unit, shape);
}
