//! Sets of sites that grow together: union–find with path halving, the smallest site being the name of its set.
//!
//! The name does not depend on the order of unions. (R. E. Tarjan and J. van Leeuwen, J. ACM 31, 245 (1984).)

/// Parent of every site; a root is its own.
#[derive(Debug, Clone)]
pub(super) struct Labels(Vec<u32>);

impl Labels {
    /// All sites alone.
    pub(super) fn new(sites: usize) -> Self {
        Self((0..sites as u32).collect())
    }

    /// Parent of every site, for strips that join their own part of it.
    pub(super) fn parents(&mut self) -> &mut [u32] {
        &mut self.0
    }

    /// Makes one set of two.
    pub(super) fn unite(&mut self, a: u32, b: u32) {
        unite_within(&mut self.0, 0, a, b);
    }
}

/// Smallest site of the set of `site`, for many readers at a time.
pub(super) fn root_of(parents: &[u32], mut site: u32) -> u32 {
    while parents[site as usize] != site {
        site = parents[site as usize];
    }
    site
}

/// Smallest site of the set of `site`; `parents` are those of the sites `first ..`, closed among themselves.
fn root(parents: &mut [u32], first: u32, mut site: u32) -> u32 {
    loop {
        let parent = parents[(site - first) as usize];
        if parent == site {
            return site;
        }
        let above = parents[(parent - first) as usize];
        parents[(site - first) as usize] = above;
        site = above;
    }
}

/// Makes one set of two; `parents` are those of the sites `first ..`, closed among themselves.
pub(super) fn unite_within(parents: &mut [u32], first: u32, a: u32, b: u32) {
    let (a, b) = (root(parents, first, a), root(parents, first, b));
    parents[(a.max(b) - first) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::{Labels, root_of};

    #[test]
    fn sets_are_named_by_their_smallest_site_in_any_order() {
        let pairs = [(7, 3), (3, 5), (0, 9), (9, 4), (8, 8), (5, 7)];
        for shift in 0..pairs.len() {
            let mut labels = Labels::new(10);
            for k in 0..pairs.len() {
                let (a, b) = pairs[(k * 5 + shift) % pairs.len()];
                labels.unite(a, b);
            }
            let roots: Vec<u32> = (0..10).map(|i| root_of(labels.parents(), i)).collect();
            assert_eq!(roots, [0, 1, 2, 3, 0, 3, 6, 3, 8, 0]);
        }
    }
}
