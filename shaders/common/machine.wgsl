// The product x = c + v·W for kernels that look from the visible side: bindings 1 to 3 and the accessors the tile needs.
// The importer declares Parameters `p` with chains, n_visible and n_hidden, and state_at(index), a word of v.
fn state_word(chain: u32, word: u32) -> u32 {
    if chain >= p.chains {
        return 0u;
    }
    return state_at(chain * ((p.n_visible + 31u) / 32u) + word);
}

fn weight(input: u32, unit: u32) -> f32 {
    if input >= p.n_visible || unit >= p.n_hidden {
        return 0.0;
    }
    return weights[input * p.n_hidden + unit];
}

fn hidden_bias(unit: u32) -> f32 {
    if unit >= p.n_hidden {
        return 0.0;
    }
    return biases[p.n_visible + unit];
}

// c of the four units of an invocation.
fn hidden_biases(unit: u32) -> vec4<f32> {
    return vec4<f32>(hidden_bias(unit), hidden_bias(unit + 8u), hidden_bias(unit + 16u), hidden_bias(unit + 24u));
}

// 1 for units that exist, 0 beyond.
fn hidden_exists(unit: u32) -> vec4<f32> {
    return vec4<f32>(vec4<u32>(unit, unit + 8u, unit + 16u, unit + 24u) < vec4<u32>(p.n_hidden));
}
