// Blocks of a tile that an invocation owns, whatever forms their sums: four rows × four columns ("quartets").
//!import tile
// Four rows × four columns, one vector a row.
struct Four {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

fn plus(x: Four, y: vec4<f32>) -> Four {
    return Four(x.a + y, x.b + y, x.c + y, x.d + y);
}

struct Tile {
//!each four
//!each quad
    x{four}_{quad}: Four,
//!end
//!end
}

// Quartet `quad` of the invocation.
fn owned_quartet(local: u32, quad: u32) -> u32 {
    return local % TILE_ACROSS + TILE_ACROSS * quad;
}

// A quarter of the number of the first row of the invocation's block `four`.
fn owned_rows(local: u32, four: u32) -> u32 {
    return TILE_FOURS * (local / TILE_ACROSS) + four;
}
