//! Names that are nearly right.

use strsim::osa_distance;

/// The known name that a wrong one most likely stands for: its initials (`lr`), or at most a third of its letters away.
pub(crate) fn nearest_name<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let initials = |name: &str| name.split('_').filter_map(|word| word.chars().next()).collect::<String>();
    if let Some(name) = known.iter().find(|name| name.contains('_') && initials(name) == wrong) {
        return Some(name);
    }
    let candidates = known.iter().map(|&name| (osa_distance(&wrong, &name.to_lowercase()), name));
    let allowed = wrong.chars().count().max(3).div_ceil(3);
    candidates.filter(|(d, _)| *d <= allowed).min_by_key(|(d, _)| *d).map(|(_, name)| name)
}
