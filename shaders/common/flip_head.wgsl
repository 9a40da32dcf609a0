// Comparison of a uniform U with a threshold P in 32 lanes, digit by digit: the head's 12 digits without a branch,
// least significant first, so that a digit that differs overrules all below it; what is then equal needs the tail.
//!import sfc32
const HEAD_DIGITS: u32 = 12u;

// Lanes with U < P, and lanes whose digits have all been equal.
struct Comparison {
    less: u32,
    equal: u32,
}

fn compare_digit(c: Comparison, random: u32, threshold: u32) -> Comparison {
    let differs = random ^ threshold;
    return Comparison(c.less ^ (differs & (c.less ^ threshold)), c.equal & ~differs);
}

// One digit of two thresholds P_0 and P_1 as (P_0, P_0 ⊕ P_1): lanes of `one` take the second.
struct HeadOfTwo {
    d0: vec2<u32>,
    d1: vec2<u32>,
    d2: vec2<u32>,
    d3: vec2<u32>,
    d4: vec2<u32>,
    d5: vec2<u32>,
    d6: vec2<u32>,
    d7: vec2<u32>,
    d8: vec2<u32>,
    d9: vec2<u32>,
    d10: vec2<u32>,
    d11: vec2<u32>,
}

fn compare_head(head: HeadOfTwo, one: u32, state: ptr<function, vec4<u32>>) -> Comparison {
    var c = Comparison(0u, 0xffffffffu);
    c = compare_digit(c, next_digit(state), head.d11.x ^ (one & head.d11.y));
    c = compare_digit(c, next_digit(state), head.d10.x ^ (one & head.d10.y));
    c = compare_digit(c, next_digit(state), head.d9.x ^ (one & head.d9.y));
    c = compare_digit(c, next_digit(state), head.d8.x ^ (one & head.d8.y));
    c = compare_digit(c, next_digit(state), head.d7.x ^ (one & head.d7.y));
    c = compare_digit(c, next_digit(state), head.d6.x ^ (one & head.d6.y));
    c = compare_digit(c, next_digit(state), head.d5.x ^ (one & head.d5.y));
    c = compare_digit(c, next_digit(state), head.d4.x ^ (one & head.d4.y));
    c = compare_digit(c, next_digit(state), head.d3.x ^ (one & head.d3.y));
    c = compare_digit(c, next_digit(state), head.d2.x ^ (one & head.d2.y));
    c = compare_digit(c, next_digit(state), head.d1.x ^ (one & head.d1.y));
    c = compare_digit(c, next_digit(state), head.d0.x ^ (one & head.d0.y));
    return c;
}
