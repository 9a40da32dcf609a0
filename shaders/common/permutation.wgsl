// Row at a position of the keyed permutation of 0..total: six Feistel rounds with cycle walking.
// Round function: the bijective mixer lowbias32 (Chris Wellons).
fn mix_bits(value: u32) -> u32 {
    var x = value;
    x ^= x >> 16u;
    x *= 0x7feb352du;
    x ^= x >> 15u;
    x *= 0x846ca68bu;
    return x ^ (x >> 16u);
}

fn feistel_round(halves: vec2<u32>, key: u32, mask: u32) -> vec2<u32> {
    return vec2<u32>(halves.y, halves.x ^ (mix_bits(halves.y ^ key) & mask));
}

fn permuted_row(position: u32, total: u32, half_bits: u32, keys_a: vec4<u32>, keys_b: vec2<u32>) -> u32 {
    let mask = (1u << half_bits) - 1u;
    var value = position;
    loop {
        var halves = vec2<u32>(value >> half_bits, value & mask);
        halves = feistel_round(halves, keys_a.x, mask);
        halves = feistel_round(halves, keys_a.y, mask);
        halves = feistel_round(halves, keys_a.z, mask);
        halves = feistel_round(halves, keys_a.w, mask);
        halves = feistel_round(halves, keys_b.x, mask);
        halves = feistel_round(halves, keys_b.y, mask);
        value = (halves.x << half_bits) | halves.y;
        if value < total {
            break;
        }
    }
    return value;
}
