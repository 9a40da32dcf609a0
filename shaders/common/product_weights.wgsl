// The weights of a product on their way to workgroup memory, four units of a quartet at a time; the importer imports
// stored_weights and the tile.
//!import product_shape
// Input and quartet of a load; neighbouring invocations read neighbouring weights in both directions.
fn place_of(local: u32, load: u32, shape: Shape) -> vec2<u32> {
    if shape.inputs_neighbour {
        return vec2<u32>(local % TILE_INPUTS, local / TILE_INPUTS + load * (TILE_INVOCATIONS / TILE_INPUTS));
    }
    return vec2<u32>(local / TILE_QUARTETS + load * (TILE_INVOCATIONS / TILE_QUARTETS), local % TILE_QUARTETS);
}

// Where the weights of each load begin: what does not change from one block of inputs to the next.
struct Lanes {
//!each column_load
    at{column_load}: vec4<u32>,
//!end
}

fn lanes_of(local: u32, first_unit: u32, shape: Shape) -> Lanes {
    var lanes: Lanes;
//!each column_load
    {
        let unit = first_unit + unit_of(place_of(local, {column_load}u, shape).y);
        let units = min(vec4<u32>(unit, unit + 8u, unit + 16u, unit + 24u), vec4<u32>(shape.n_units - 1u));
        lanes.at{column_load} = select(units, units * shape.n_inputs, shape.inputs_neighbour);
    }
//!end
    return lanes;
}

fn weights_at(input: u32, lanes: vec4<u32>, shape: Shape) -> vec4<f32> {
    let row = min(input, shape.n_inputs - 1u);
    let at = lanes + select((row - shape.first_input) * shape.n_units, row, shape.inputs_neighbour);
    return vec4<f32>(stored_weight(at.x), stored_weight(at.y), stored_weight(at.z), stored_weight(at.w));
}
