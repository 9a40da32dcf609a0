// What a device can do at the most, to compare kernels with: multiply-adds, and bytes copied.
//
// Maths:  x ← a x + b, rounds times, from x = 0 in 32 numbers of every invocation: with a = b = 1 the number of rounds;
//         to[i] = from[i].
// Shapes: factors = a, b; sums [invocations]; from, to [words of 16 bytes].
// Random: none.
// Class:  exact: whole numbers below 2²⁴, and copies.
// Source: Williams, Waterman, Patterson, "Roofline", CACM 52 (2009) 65.
//!import grid
struct Parameters {
    rounds: u32,
    count: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> copies: array<vec4<u32>>;

@compute @workgroup_size(64)
fn multiply_adds(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = 64u * workgroup_number(workgroup, workgroups) + local;
    let a = vec4<f32>(factors[0]);
    let b = vec4<f32>(factors[1]);
    var x0 = vec4<f32>(0.0);
    var x1 = x0;
    var x2 = x0;
    var x3 = x0;
    var x4 = x0;
    var x5 = x0;
    var x6 = x0;
    var x7 = x0;
    for (var round = 0u; round < p.rounds; round += 2u) {
        x0 = a * x0 + b;
        x1 = a * x1 + b;
        x2 = a * x2 + b;
        x3 = a * x3 + b;
        x4 = a * x4 + b;
        x5 = a * x5 + b;
        x6 = a * x6 + b;
        x7 = a * x7 + b;
        x0 = a * x0 + b;
        x1 = a * x1 + b;
        x2 = a * x2 + b;
        x3 = a * x3 + b;
        x4 = a * x4 + b;
        x5 = a * x5 + b;
        x6 = a * x6 + b;
        x7 = a * x7 + b;
    }
    let sum = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7));
    if at < p.count {
        sums[at] = (sum.x + sum.y) + (sum.z + sum.w);
    }
}

@compute @workgroup_size(64)
fn copy(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    // Four independent reads before the first is needed.
    let first = 256u * workgroup_number(workgroup, workgroups) + local;
    for (var k = 0u; k < 4u; k++) {
        let at = first + 64u * k;
        if at < p.count {
            copies[at] = source[at];
        }
    }
}
