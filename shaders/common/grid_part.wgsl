// One number for a workgroup of a two-dimensional dispatch, as in grid, where a long dispatch may be recorded as several:
// p.first_group is the number of this one's first workgroup.
fn workgroup_number(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return p.first_group + workgroup.y * workgroups.x + workgroup.x;
}
