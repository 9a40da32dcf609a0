// Products of two sides of units summed over chains, which are the inputs here: an invocation of a tile owns visible units
// and quartets of neighbouring hidden ones. A visible unit that is always on and a hidden one of mean 1, beyond the last of each
// side, give the means of the other side.
//
// The importer has the parameters chains, first_visible, end_visible, n_visible, n_hidden and scale and the buffer
// means [chains, n_hidden]. It declares VisibleFour, four visible units of a chain on their way to workgroup memory,
// four_visible(chain, unit), none for a chain beyond the last, visible_values(four), the bits of their values, and
// put_product(at, sum) and put_sum(at, sum), which take scaled sums.
//!import tile_product
fn mean_at(chain: u32, unit: u32) -> f32 {
    return select(means[chain * p.n_hidden + min(unit, p.n_hidden - 1u)], 1.0, unit == p.n_hidden);
}

fn four_means(chain: u32, unit: u32) -> vec4<f32> {
    let row = min(chain, p.chains - 1u);
    return vec4<f32>(mean_at(row, unit), mean_at(row, unit + 1u), mean_at(row, unit + 2u), mean_at(row, unit + 3u));
}

// What an invocation brings to workgroup memory of a block of chains.
struct Chains {
//!each column_load
    means{column_load}: vec4<f32>,
//!end
//!each row_load
    visible{row_load}: VisibleFour,
//!end
}

fn fetch_chains(local: u32, first_chain: u32, first_visible: u32, first_hidden: u32) -> Chains {
    var next: Chains;
    let hidden = first_hidden + 4u * (local % TILE_QUARTETS);
    let visible = first_visible + 4u * (local % TILE_ROW_FOURS);
//!each column_load
    next.means{column_load} =
        four_means(first_chain + local / TILE_QUARTETS + {column_load}u * (TILE_INVOCATIONS / TILE_QUARTETS), hidden);
//!end
//!each row_load
    next.visible{row_load} = four_visible(
        first_chain + local / TILE_ROW_FOURS + {row_load}u * (TILE_INVOCATIONS / TILE_ROW_FOURS), visible);
//!end
    return next;
}

fn put_chains(local: u32, next: Chains) {
//!each column_load
    {
        let k = local / TILE_QUARTETS + {column_load}u * (TILE_INVOCATIONS / TILE_QUARTETS);
        tile_memory[column_slot(k, local % TILE_QUARTETS)] = bitcast<vec4<u32>>(next.means{column_load});
    }
//!end
//!each row_load
    {
        let k = local / TILE_ROW_FOURS + {row_load}u * (TILE_INVOCATIONS / TILE_ROW_FOURS);
        tile_memory[row_slot(k, local % TILE_ROW_FOURS)] = visible_values(next.visible{row_load});
    }
//!end
}

fn put(visible: u32, hidden: u32, sum: f32) {
    if visible >= p.end_visible {
        return;
    }
    if visible < p.n_visible && hidden < p.n_hidden {
        put_product((visible - p.first_visible) * p.n_hidden + hidden, sum);
    } else if visible < p.n_visible && hidden == p.n_hidden {
        put_sum(visible, sum);
    } else if visible == p.n_visible && hidden < p.n_hidden {
        put_sum(p.n_visible + hidden, sum);
    }
}

fn put_row(visible: u32, hidden: u32, sum: vec4<f32>) {
    let scaled = p.scale * sum;
    put(visible, hidden, scaled.x);
    put(visible, hidden + 1u, scaled.y);
    put(visible, hidden + 2u, scaled.z);
    put(visible, hidden + 3u, scaled.w);
}

@compute @workgroup_size(TILE_INVOCATIONS)
fn multiply(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let hidden_tiles = p.n_hidden / TILE_COLUMNS + 1u;
    let first_visible = p.first_visible + TILE_ROWS * (number / hidden_tiles);
    let first_hidden = TILE_COLUMNS * (number % hidden_tiles);
    if first_visible >= p.end_visible {
        return;
    }
    var tile: Tile;
    var next: Chains;
//!each ahead
    next = fetch_chains(local, 0u, first_visible, first_hidden);
//!end
    for (var first_chain = 0u; first_chain < p.chains; first_chain += TILE_INPUTS) {
//!each at_once
        next = fetch_chains(local, first_chain, first_visible, first_hidden);
//!end
        put_chains(local, next);
        workgroupBarrier();
//!each ahead
        if first_chain + TILE_INPUTS < p.chains {
            next = fetch_chains(local, first_chain + TILE_INPUTS, first_visible, first_hidden);
        }
//!end
        multiply_block(local, &tile);
        workgroupBarrier();
    }
//!each four
//!each quad
    {
        let visible = first_visible + 4u * owned_rows(local, {four}u);
        let hidden = first_hidden + 4u * owned_quartet(local, {quad}u);
        put_row(visible, hidden, tile.x{four}_{quad}.a);
        put_row(visible + 1u, hidden, tile.x{four}_{quad}.b);
        put_row(visible + 2u, hidden, tile.x{four}_{quad}.c);
        put_row(visible + 3u, hidden, tile.x{four}_{quad}.d);
    }
//!end
//!end
}
