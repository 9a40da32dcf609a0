// Inverse temperatures of the rungs of a ladder, whose chains are rows of one block: row r · rung_chains + k is chain k of
// rung r. The importer declares Parameters `p` with rung_chains, and betas.
fn beta_of(row: u32) -> f32 {
    return betas[row / p.rung_chains];
}

// β of four rows on end; rows beyond the last of `rows` have that of the last.
fn betas_of(row: u32, rows: u32) -> vec4<f32> {
    let last = rows - 1u;
    return vec4<f32>(
        beta_of(min(row, last)), beta_of(min(row + 1u, last)),
        beta_of(min(row + 2u, last)), beta_of(min(row + 3u, last)));
}
