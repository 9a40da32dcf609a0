// Free energy of every row.
//
// Maths:  F(v) = −Σ_j b_j v_j − Σ_i softplus(c_i + Σ_j w_ji v_j), in nats.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden], energies [chains].
// Random: none.
// Class:  bounded, by the f32 sums over inputs and over units and by softplus.
// Source: Hinton 2010, eq. 25.
//!import grid
//!import row_sum
//!import sigmoid
//!import machine
struct Parameters {
    chains: u32,
    n_visible: u32,
    n_hidden: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> biases: array<f32>;
@group(0) @binding(3) var<storage, read> states: array<u32>;
@group(0) @binding(4) var<storage, read_write> energies: array<f32>;

fn state_at(index: u32) -> u32 {
    return states[index];
}

fn linear_coefficient(input: u32) -> f32 {
    if input >= p.n_visible {
        return 0.0;
    }
    return biases[input];
}

fn part(x: vec4<f32>, exists: vec4<f32>) -> f32 {
    return total_of(exists * softplus4(x));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_chain = TILE_CHAINS * workgroup_number(workgroup, workgroups);
    if first_chain >= p.chains {
        return;
    }
    var low = vec4<f32>(0.0);
    var high = vec4<f32>(0.0);
    for (var first_unit = 0u; first_unit < p.n_hidden; first_unit += TILE_UNITS) {
        let tile = inner_product(local, first_chain, first_unit, p.n_visible, false);
        let unit = first_owned_unit(first_unit, local % COLUMNS);
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
        low += vec4<f32>(part(tile.x0 + c, e), part(tile.x1 + c, e), part(tile.x2 + c, e), part(tile.x3 + c, e));
        high += vec4<f32>(part(tile.x4 + c, e), part(tile.x5 + c, e), part(tile.x6 + c, e), part(tile.x7 + c, e));
    }
    let sum = row_sum(local, low, high, linear_part(local, first_chain, p.n_visible));
    if local < TILE_CHAINS && first_chain + local < p.chains {
        energies[first_chain + local] = -sum;
    }
}
