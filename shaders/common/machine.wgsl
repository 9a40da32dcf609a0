// The product x = c + v·W for kernels that look from the visible side: the accessors the tile needs, with the bindings
// 1 and 2. The importer declares Parameters `p` with chains, first_input, n_visible and n_hidden, state_at(index), a
// word of v, and carried(index).
//!import stored_weights
@group(0) @binding(2) var<storage, read> biases: array<f32>;

fn state_word(chain: u32, word: u32) -> u32 {
    return state_at(chain * ((p.n_visible + 31u) / 32u) + word);
}

fn shape_of_machine() -> Shape {
    return Shape(p.chains, p.first_input, p.n_visible, p.n_hidden, false);
}

fn hidden_bias(unit: u32) -> f32 {
    return biases[p.n_visible + min(unit, p.n_hidden - 1u)];
}

// c of the four units of a quartet.
fn hidden_biases(unit: u32) -> vec4<f32> {
    return vec4<f32>(hidden_bias(unit), hidden_bias(unit + 8u), hidden_bias(unit + 16u), hidden_bias(unit + 24u));
}

// 1 for units that exist, 0 beyond.
fn hidden_exists(unit: u32) -> vec4<f32> {
    return vec4<f32>(vec4<u32>(unit, unit + 8u, unit + 16u, unit + 24u) < vec4<u32>(p.n_hidden));
}
