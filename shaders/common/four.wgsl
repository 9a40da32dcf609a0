// Four neighbours counted: lanes with at least 1, 2, 3 and 4 antiparallel ones.
fn counts(differs: vec4<u32>) -> vec4<u32> {
    let some = differs.x | differs.y;
    let both = differs.x & differs.y;
    let other = differs.z | differs.w;
    let pair = differs.z & differs.w;
    return vec4<u32>(some | other, both | pair | (some & other), (both & other) | (some & pair), both & pair);
}
