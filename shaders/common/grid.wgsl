// One number for a workgroup of a two-dimensional dispatch, which lifts the limit of 65535 a dimension.
fn workgroup_number(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
    return workgroup.y * workgroups.x + workgroup.x;
}
