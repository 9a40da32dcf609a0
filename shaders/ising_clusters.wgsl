// Joins spins into clusters and turns clusters over, in all replicas at once.
//
// Maths:  a satisfied bond (J s_i s_j > 0) is active if its word is below 2³² (1 − e^{−2|J|/T}); sites joined by active
//         bonds are a cluster, named by its smallest site. Swendsen–Wang turns each with probability ½, Wolff one of them.
// Shapes: spins [sites, words], bit = replica; bonds [bonds, 2], the lower site first; thresholds [replicas, 2], low half
//         first; labels [sites, replicas], each site's own or a smaller one of its cluster; coins [4 ⌈sites/128⌉, replicas],
//         bit = site, or the seed site [replicas]; turned [2], a count of 64 bits.
// Random: bond b takes word b % 4 of the Philox block (b / 4, sweep, ClusterBond, replica); the cluster of c turns by bit
//         c % 128 of the block (c / 128, sweep, ClusterFlip, replica); the seed site is ⌊N u⌋ with 64 digits of u from the
//         block (replica, sweep, ClusterSeed, 0).
// Class:  exact.
// Source: Swendsen and Wang 1987; Wolff 1989; labels by atomic minima: Komura 2015, Playne and Hawick 2018; splitting of
//         paths: Jaiganesh and Burtscher 2018.
//
// Entries: a sweep is start (labels, coins), join (four bonds of a replica an invocation) and turn (a spin an invocation).
// small does many sweeps of some replicas in workgroup memory; it alone uses shared_spins, whose words several workgroups
// change. An entry leaves what the others need unbound to anything of size.
//!import grid_part
//!import philox
struct Parameters {
    seed_low: u32,
    seed_high: u32,
    sweep: u32,
    sweeps: u32,
    bond_stream: u32,
    cluster_stream: u32,
    wolff: u32,
    replicas: u32,
    words: u32,
    sites: u32,
    bonds: u32,
    satisfied: u32,
    lanes: u32,
    replicas_a_group: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> bonds: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> thresholds: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> labels: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read_write> coins: array<u32>;
@group(0) @binding(5) var<storage, read_write> spins: array<u32>;
@group(0) @binding(6) var<storage, read_write> shared_spins: array<atomic<u32>>;
@group(0) @binding(7) var<storage, read_write> turned: array<atomic<u32>>;

// Replicas of the words of a workgroup that turn; spins that it turned.
var<workgroup> flips: array<atomic<u32>, 64>;
var<workgroup> flipped: atomic<u32>;

fn block_of(number: u32, stream: u32, sweep: u32, replica: u32) -> vec4<u32> {
    return philox(vec4<u32>(number, sweep, stream, replica), vec2<u32>(p.seed_low, p.seed_high));
}

fn is_below(word: u32, threshold: vec2<u32>) -> bool {
    return threshold.y != 0u || word < threshold.x;
}

// ⌊N u⌋: the upper half of N times 64 digits.
fn seed_site(sweep: u32, replica: u32) -> u32 {
    let digits = block_of(replica, p.cluster_stream, sweep, 0u);
    let low = p.sites * digits.x;
    let carry = low + multiply_high(p.sites, digits.y) < low;
    return multiply_high(p.sites, digits.x) + select(0u, 1u, carry);
}

fn count_turned(count: u32) {
    let before = atomicAdd(&turned[0], count);
    if before + count < before {
        atomicAdd(&turned[1], 1u);
    }
}

// Smallest site known of the cluster of a site. Every site on the way is given the label of its label, which halves the
// way of whoever comes after. A label that another invocation changes meanwhile may be overwritten: the two are joined all
// the same, by that invocation or through sites below.
fn root_of(origin: u32, replica: u32) -> u32 {
    var site = origin;
    var label = atomicLoad(&labels[site * p.replicas + replica]);
    while label != site {
        let above = atomicLoad(&labels[label * p.replicas + replica]);
        if above != label {
            atomicStore(&labels[site * p.replicas + replica], above);
        }
        site = label;
        label = above;
    }
    return site;
}

// The larger root gets the smaller as its label. If it was given another one meanwhile, that one and the smaller are left
// to be joined; both are smaller than the root was, so that this ends.
fn unite(first: u32, second: u32, replica: u32) {
    var a = root_of(first, replica);
    var b = root_of(second, replica);
    while a != b {
        let larger = max(a, b);
        let smaller = min(a, b);
        let label = atomicMin(&labels[larger * p.replicas + replica], smaller);
        if label == larger {
            return;
        }
        a = root_of(label, replica);
        b = root_of(smaller, replica);
    }
}

@compute @workgroup_size(64)
fn start(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let number = index / p.replicas;
    let replica = index % p.replicas;
    if number >= p.sites {
        return;
    }
    atomicStore(&labels[index], number);
    // The first invocations, so that those of a subgroup go the same way.
    if p.wolff == 1u {
        if number == 0u {
            coins[replica] = seed_site(p.sweep, replica);
        }
    } else if number < (p.sites + 127u) / 128u {
        let block = block_of(number, p.cluster_stream, p.sweep, replica);
        for (var k = 0u; k < 4u; k++) {
            coins[(4u * number + k) * p.replicas + replica] = block[k];
        }
    }
}

@compute @workgroup_size(64)
fn join(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let number = index / p.replicas;
    let replica = index % p.replicas;
    if 4u * number >= p.bonds {
        return;
    }
    let random = block_of(number, p.bond_stream, p.sweep, replica);
    let threshold = thresholds[replica];
    for (var k = 0u; k < min(p.bonds - 4u * number, 4u); k++) {
        let pair = bonds[4u * number + k];
        let differs = spins[pair.x * p.words + replica / 32u] ^ spins[pair.y * p.words + replica / 32u];
        if ((differs >> (replica % 32u)) & 1u) == p.satisfied && is_below(random[k], threshold) {
            unite(pair.x, pair.y, replica);
        }
    }
}

fn turns(site: u32, replica: u32) -> bool {
    let root = root_of(site, replica);
    if p.wolff == 1u {
        return root == root_of(coins[replica], replica);
    }
    return ((coins[(root / 32u) * p.replicas + replica] >> (root % 32u)) & 1u) == 1u;
}

@compute @workgroup_size(64)
fn turn(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = 64u * workgroup_number(workgroup, workgroups) + local;
    let lane = index % p.lanes;
    let place = index / p.lanes;
    let replica = 32u * (place % p.words) + lane;
    let site = place / p.words;
    let exists = site < p.sites && replica < p.replicas;
    if exists && turns(site, replica) {
        atomicOr(&flips[local / p.lanes], 1u << lane);
    }
    workgroupBarrier();
    if lane == 0u && exists {
        let bits = atomicLoad(&flips[local / p.lanes]);
        spins[place] ^= bits;
        if p.wolff == 1u {
            atomicAdd(&flipped, countOneBits(bits));
        }
    }
    workgroupBarrier();
    let count = atomicLoad(&flipped);
    if local == 0u && count != 0u {
        count_turned(count);
    }
}

// Sites of the replicas of a workgroup: label, counted in the group, then 16 coins, then the spin. Word k of a replica has
// the coins of its sites 16 k to 16 k + 15, or word 0 the seed site. All but the label stays as it is while labels change,
// so that a minimum of words is one of labels.
var<workgroup> members: array<atomic<u32>, 4096>;
const LABEL_BIT: u32 = 17u;
const BESIDES: u32 = 0x1ffffu;

fn member_root(origin: u32) -> u32 {
    var site = origin;
    var word = atomicLoad(&members[site]);
    while word >> LABEL_BIT != site {
        let label = word >> LABEL_BIT;
        let above = atomicLoad(&members[label]);
        if above >> LABEL_BIT != label {
            atomicStore(&members[site], (above & ~BESIDES) | (word & BESIDES));
        }
        site = label;
        word = above;
    }
    return site;
}

fn unite_members(first: u32, second: u32) {
    var a = member_root(first);
    var b = member_root(second);
    while a != b {
        let larger = max(a, b);
        let smaller = min(a, b);
        let besides = atomicLoad(&members[larger]) & BESIDES;
        let label = atomicMin(&members[larger], (smaller << LABEL_BIT) | besides) >> LABEL_BIT;
        if label == larger {
            return;
        }
        a = member_root(label);
        b = member_root(smaller);
    }
}

fn coins_of(site: u32, sweep: u32, replica: u32) -> u32 {
    if p.wolff == 1u {
        return select(0u, seed_site(sweep, replica), site == 0u);
    }
    if 16u * site >= p.sites {
        return 0u;
    }
    let block = block_of(site / 8u, p.cluster_stream, sweep, replica);
    return (block[(site / 2u) % 4u] >> (16u * (site % 2u))) & 0xffffu;
}

fn member_turns(member: u32, first: u32) -> bool {
    let root = member_root(member);
    if p.wolff == 1u {
        return root == member_root(first + ((atomicLoad(&members[first]) & BESIDES) >> 1u));
    }
    let site = root - first;
    return ((atomicLoad(&members[first + site / 16u]) >> (1u + site % 16u)) & 1u) == 1u;
}

@compute @workgroup_size(256)
fn small(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let first_replica = workgroup_number(workgroup, workgroups) * p.replicas_a_group;
    if first_replica >= p.replicas {
        return;
    }
    let replicas = min(p.replicas_a_group, p.replicas - first_replica);
    let members_here = replicas * p.sites;
    let blocks = (p.bonds + 3u) / 4u;
    // Spins of the members local, local + 256, …, a bit each.
    var own = 0u;
    for (var i = local; i < members_here; i += 256u) {
        let replica = first_replica + i / p.sites;
        let word = atomicLoad(&shared_spins[(i % p.sites) * p.words + replica / 32u]);
        own |= ((word >> (replica % 32u)) & 1u) << (i / 256u);
    }
    let before = own;
    var count = 0u;
    for (var sweep = p.sweep; sweep < p.sweep + p.sweeps; sweep++) {
        for (var i = local; i < members_here; i += 256u) {
            let heads = coins_of(i % p.sites, sweep, first_replica + i / p.sites);
            atomicStore(&members[i], (i << LABEL_BIT) | (heads << 1u) | ((own >> (i / 256u)) & 1u));
        }
        workgroupBarrier();
        for (var i = local; i < replicas * blocks; i += 256u) {
            let number = i % blocks;
            let first = (i / blocks) * p.sites;
            let random = block_of(number, p.bond_stream, sweep, first_replica + i / blocks);
            let threshold = thresholds[first_replica + i / blocks];
            for (var k = 0u; k < min(p.bonds - 4u * number, 4u); k++) {
                let pair = bonds[4u * number + k] + first;
                let differs = atomicLoad(&members[pair.x]) ^ atomicLoad(&members[pair.y]);
                if (differs & 1u) == p.satisfied && is_below(random[k], threshold) {
                    unite_members(pair.x, pair.y);
                }
            }
        }
        workgroupBarrier();
        var turning = 0u;
        for (var i = local; i < members_here; i += 256u) {
            if member_turns(i, i - i % p.sites) {
                turning |= 1u << (i / 256u);
            }
        }
        own ^= turning;
        count += countOneBits(turning);
        workgroupBarrier();
    }
    for (var i = local; i < members_here; i += 256u) {
        if (((own ^ before) >> (i / 256u)) & 1u) == 1u {
            let replica = first_replica + i / p.sites;
            atomicXor(&shared_spins[(i % p.sites) * p.words + replica / 32u], 1u << (replica % 32u));
        }
    }
    if p.wolff == 1u && count != 0u {
        count_turned(count);
    }
}
