// First of the four units of a quartet, which share one Philox block; the others are 8, 16 and 24 further.
fn unit_of(quartet: u32) -> u32 {
    return 32u * (quartet / 8u) + quartet % 8u;
}
