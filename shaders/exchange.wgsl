// Exchanges of states between neighbouring temperatures of a ladder.
//
// Maths:  ln p*_{β'}(v) − ln p*_β(v) = (β' − β)(b − b0)·v + Σ_i [softplus(β' x_i) − softplus(β x_i)] for the state of
//         either rung, β its own and β' the other's; both, up and down, are added, and the states change places where
//         u < e^{up + down}. With β' = 0 and −b0·v besides it is −ln p*_β(v), but for n_h ln 2.
// Shapes: states [rungs · rung_chains, n_visible] packed, weights [n_visible, n_hidden], gains [words, chains] of the rows
//         from first_row on, one part for the 32 hidden units of each word, the linear term with the first; betas
//         [3, rungs]: each rung's own, and those of its partners in even and in odd rounds; record [rounds, 3, pairs ·
//         rung_chains]: up, down, and whether the states changed places.
// Random: pair a of chain k at ([8 (a / 32) + a % 8, round, Exchange, first_chain + k], seed), word (a / 8) % 4.
// Class:  margin for the states, bounded for the gains.
// Source: Swendsen and Wang, Phys. Rev. Lett. 57, 2607 (1986); Desjardins et al., AISTATS 2010.
//!import grid_part
//!import row_sum
//!import sigmoid
//!import philox
//!import machine
//!import rungs
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    round: u32,
    stream: u32,
    first_chain: u32,
    first_row: u32,
    chains: u32,
    first_input: u32,
    n_visible: u32,
    n_hidden: u32,
    rung_chains: u32,
    // Where in betas those of the partners begin; 0 for none, which are at β = 0.
    partners: u32,
    first_pair: u32,
    recorded: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(3) var<storage, read> base: array<f32>;
@group(0) @binding(4) var<storage, read_write> states: array<u32>;
@group(0) @binding(5) var<storage, read_write> gains: array<f32>;
@group(0) @binding(6) var<storage, read> sums: array<f32>;
@group(0) @binding(7) var<storage, read> betas: array<f32>;
@group(0) @binding(8) var<storage, read_write> record: array<f32>;

fn carried(index: u32) -> f32 {
    return sums[index];
}

fn state_at(index: u32) -> u32 {
    return states[p.first_row * ((p.n_visible + 31u) / 32u) + index];
}

fn own_betas(chain: u32) -> vec4<f32> {
    return betas_of(p.first_row + chain, p.first_row + p.chains);
}

fn other_beta(row: u32) -> f32 {
    return betas[p.partners + row / p.rung_chains];
}

// β' − β of four chains.
fn linear_scales(chain: u32) -> vec4<f32> {
    let own = own_betas(chain);
    if p.partners == 0u {
        return -own;
    }
    let first = p.first_row + chain;
    let last = p.first_row + p.chains - 1u;
    return vec4<f32>(
        other_beta(min(first, last)), other_beta(min(first + 1u, last)),
        other_beta(min(first + 2u, last)), other_beta(min(first + 3u, last))) - own;
}

fn linear_coefficients(input: u32, apart: vec4<f32>) -> vec4<f32> {
    let tilt = apart * (biases[input] - base[input]);
    return select(tilt, tilt - base[input], p.partners == 0u);
}

fn store_sum(chain: u32, word: u32, gain: f32) {
    gains[word * p.chains + chain] = gain;
}

fn part_of(x: vec4<f32>, exists: vec4<f32>, own: f32, apart: f32) -> f32 {
    let now = own * x;
    let step = apart * x;
    return total_of(exists * vec4<f32>(
        softplus_step(now.x, step.x), softplus_step(now.y, step.y),
        softplus_step(now.z, step.z), softplus_step(now.w, step.w)));
}

// One part of ln p*_{β'}(v) − ln p*_β(v) for the 32 hidden units of each word.
@compute @workgroup_size(TILE_INVOCATIONS)
fn gain_of_units(
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
//!each four
    let own{four} = own_betas(first_chain + 4u * owned_rows(local, {four}u));
    let apart{four} = linear_scales(first_chain + 4u * owned_rows(local, {four}u));
//!end
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = hidden_biases(unit);
        let e = hidden_exists(unit);
//!each four
        {
            let x = plus(tile.x{four}_{quad}, c);
            let part = vec4<f32>(
                part_of(x.a, e, own{four}.x, apart{four}.x), part_of(x.b, e, own{four}.y, apart{four}.y),
                part_of(x.c, e, own{four}.z, apart{four}.z), part_of(x.d, e, own{four}.w, apart{four}.w));
            leave_part(local, {four}u, {quad}u, part, first_chain, first_unit, shape);
        }
//!end
    }
//!end
    sum_parts(local, first_chain, first_unit, shape);
}

fn gain_of(row: u32) -> f32 {
    var gain = 0.0;
    for (var word = 0u; word < (p.n_hidden + 31u) / 32u; word++) {
        gain += gains[word * p.chains + row];
    }
    return gain;
}

fn uniform_of_pair(pair: u32, chain: u32) -> f32 {
    let address = vec4<u32>(8u * (pair / 32u) + pair % 8u, p.round, p.stream, p.first_chain + chain);
    let block = philox(address, vec2<u32>(p.seed_low, p.seed_high));
    let place = pair / 8u % 4u;
    let low = select(block.x, block.y, place == 1u);
    let high = select(block.z, block.w, place == 3u);
    return uniform_of(select(low, high, place >= 2u));
}

// Decides for 64 chains of the pairs, one after the other, and lets the accepted ones change places.
@compute @workgroup_size(64)
fn decide(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let all = p.chains / 2u;
    let first = 64u * workgroup_number(workgroup, workgroups);
    if first >= all {
        return;
    }
    let number = min(first + local, all - 1u);
    let pair = number / p.rung_chains;
    let chain = number % p.rung_chains;
    let low = 2u * pair * p.rung_chains + chain;
    let up = gain_of(low);
    let down = gain_of(low + p.rung_chains);
    let accepted = uniform_of_pair(p.first_pair + 2u * pair, chain) < exp(min(up + down, 0.0));
    if first + local < all {
        record[p.recorded + number] = up;
        record[p.recorded + all + number] = down;
        record[p.recorded + 2u * all + number] = f32(accepted);
    }
    tile_memory[local].x = u32(accepted);
    tile_memory[local].y = p.first_row + low;
    workgroupBarrier();
    let words = (p.n_visible + 31u) / 32u;
    let end = words * min(all - first, 64u);
    for (var i = local; i < end; i += 64u) {
        if tile_memory[i / words].x == 1u {
            let at = tile_memory[i / words].y * words + i % words;
            let partner = at + p.rung_chains * words;
            let state = states[at];
            states[at] = states[partner];
            states[partner] = state;
        }
    }
}
