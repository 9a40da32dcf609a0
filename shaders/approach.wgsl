// A machine moves a part of its way towards another.
//
// Maths:  x ← x + a (y − x) for every parameter x, y that of the other machine.
// Shapes: any, the same for both.
// Random: none.
// Class:  bounded.
// Source: none.
//!import grid_part
struct Parameters {
    count: u32,
    part: f32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> moving: array<f32>;
@group(0) @binding(2) var<storage, read> towards: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = 64u * workgroup_number(workgroup, workgroups) + local;
    if at >= p.count {
        return;
    }
    moving[at] += p.part * (towards[at] - moving[at]);
}
