// sfc32 (Chris Doty-Humphrey, PractRand): the digit stream of one Ising site and 32 replicas.
fn next_digit(state: ptr<function, vec4<u32>>) -> u32 {
    let s = *state;
    let out = s.x + s.y + s.w;
    let rotated = (s.z << 21u) | (s.z >> 11u);
    *state = vec4<u32>(s.y ^ (s.y >> 9u), s.z + (s.z << 3u), rotated + out, s.w + 1u);
    return out;
}
