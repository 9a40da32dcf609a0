// Means over chains of v, of sig(x) and of their products.
//
// Maths:  products[j, i] = ⟨v_j sig(x_i)⟩, visible[j] = ⟨v_j⟩, hidden[i] = ⟨sig(x_i)⟩, x_i = c_i + Σ_j w_ji v_j;
//         written for the data, subtracted for the model.
// Shapes: states [chains, n_visible] packed, weights [n_visible, n_hidden], products [n_visible, n_hidden],
//         sums = visible [n_visible], hidden [n_hidden], hidden of the data alone [n_hidden].
// Random: none.
// Class:  bounded, by the f32 sums over inputs and over chains and by the sigmoid.
// Source: Hinton 2010, eq. 9, with p(h | v) in both phases.
//
// Two products: sig(x) of a slice of chains into `means`, then vᵀ·means with the chains as inputs of the same tile.
// Means travel once out and once a tile of visible units back, 4 bytes for n_visible multiply-adds each; in exchange
// both products have as many tiles as a Gibbs step. A visible unit that is always on and a hidden one of mean 1,
// beyond the last of each side, give the means of the other side. Products may lie in several buffers, each with the
// rows first_visible .. end_visible; the last one's end includes the unit that is always on.
//!import grid_part
//!import inner_product
//!import chain_product
//!import sigmoid
//!import machine
struct Parameters {
    first_row: u32,
    chains: u32,
    first_input: u32,
    first_visible: u32,
    end_visible: u32,
    n_visible: u32,
    n_hidden: u32,
    scale: f32,
    keep: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(3) var<storage, read> states: array<u32>;
@group(0) @binding(4) var<storage, read_write> means: array<f32>;
@group(0) @binding(5) var<storage, read_write> products: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;
@group(0) @binding(7) var<storage, read> carried_sums: array<f32>;

fn carried(index: u32) -> f32 {
    return carried_sums[index];
}

fn state_at(index: u32) -> u32 {
    return states[p.first_row * ((p.n_visible + 31u) / 32u) + index];
}

fn store_means(chain: u32, unit: u32, x: vec4<f32>) {
    let mean = sigmoid(x);
    let at = chain * p.n_hidden + unit;
    if chain < p.chains && unit < p.n_hidden {
        means[at] = mean.x;
        if unit + 8u < p.n_hidden {
            means[at + 8u] = mean.y;
        }
        if unit + 16u < p.n_hidden {
            means[at + 16u] = mean.z;
        }
        if unit + 24u < p.n_hidden {
            means[at + 24u] = mean.w;
        }
    }
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn mean_hidden(
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
    let tile = inner_product(local, first_chain, first_unit, shape_of_machine());
//!each quad
    {
        let unit = first_unit + unit_of(owned_quartet(local, {quad}u));
        let c = hidden_biases(unit);
//!each four
        {
            let chain = first_chain + 4u * owned_rows(local, {four}u);
            let x = plus(tile.x{four}_{quad}, c);
            store_means(chain, unit, x.a);
            store_means(chain + 1u, unit, x.b);
            store_means(chain + 2u, unit, x.c);
            store_means(chain + 3u, unit, x.d);
        }
//!end
    }
//!end
}

// 32 visible units of one chain, none of a chain beyond the last.
fn visible_word(chain: u32, word: u32) -> u32 {
    let last = (p.n_visible - 1u) / 32u;
    let units = select(0u, state_word(min(chain, p.chains - 1u), min(word, last)), word <= last);
    // The bit of the unit that is always on lies beyond those of the machine.
    let ones = select(0u, 1u << (p.n_visible % 32u), word == p.n_visible / 32u);
    return select(0u, units | ones, chain < p.chains);
}

// Four neighbouring visible units of one chain as the lowest bits.
alias VisibleFour = u32;

fn four_visible(chain: u32, visible: u32) -> VisibleFour {
    return visible_word(chain, visible / 32u) >> (visible % 32u);
}

fn visible_values(bits: VisibleFour) -> vec4<u32> {
    return expand_bits(vec4<u32>(bits, bits >> 1u, bits >> 2u, bits >> 3u), 0u);
}

fn put_product(at: u32, sum: f32) {
    products[at] = select(sum, products[at] + sum, p.keep == 1u);
}

fn put_sum(at: u32, sum: f32) {
    sums[at] = select(sum, sums[at] + sum, p.keep == 1u);
    // The hidden means of the data alone.
    if at >= p.n_visible && p.scale > 0.0 {
        sums[at + p.n_hidden] = sums[at];
    }
}

// Visible units, hidden units and chains of a workgroup of multiply_few.
const FEW: u32 = 32u;

// sig(x) by chain, four neighbouring hidden units each; a word of visible units by chain.
var<workgroup> few_means: array<vec4<f32>, FEW * FEW / 4u>;
var<workgroup> few_words: array<u32, FEW>;

fn few_share(chain: u32, visible: u32, quartet: u32) -> vec4<f32> {
    return expand_bit(few_words[chain], visible) * few_means[chain * (FEW / 4u) + quartet];
}

// The same sums in the same order where outputs are so few that larger tiles would leave most of a device idle: four
// outputs an invocation. The first visible unit is the first of a word.
@compute @workgroup_size(256)
fn multiply_few(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let hidden_blocks = p.n_hidden / FEW + 1u;
    let first_visible = p.first_visible + FEW * (number / hidden_blocks);
    let first_hidden = FEW * (number % hidden_blocks);
    if first_visible >= p.end_visible {
        return;
    }
    let visible = local / (FEW / 4u);
    let quartet = local % (FEW / 4u);
    var sum = vec4<f32>(0.0);
    for (var first_chain = 0u; first_chain < p.chains; first_chain += FEW) {
        few_means[local] = four_means(first_chain + visible, first_hidden + 4u * quartet);
        if local < FEW {
            few_words[local] = visible_word(first_chain + local, first_visible / 32u);
        }
        workgroupBarrier();
        for (var chain = 0u; chain < FEW; chain += 4u) {
            sum += few_share(chain, visible, quartet);
            sum += few_share(chain + 1u, visible, quartet);
            sum += few_share(chain + 2u, visible, quartet);
            sum += few_share(chain + 3u, visible, quartet);
        }
        workgroupBarrier();
    }
    put_row(first_visible + visible, first_hidden + 4u * quartet, sum);
}
