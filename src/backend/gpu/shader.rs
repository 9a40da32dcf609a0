//! Composition of WGSL text from a kernel's file and the shared parts it imports.
//!
//! A line `//!import name` is replaced by `shaders/common/name.wgsl`, once in the whole text. The import
//! `multiply_high` is resolved by [`Products`]: both forms give the same bits.

/// How a device forms the high half of a 32 × 32-bit product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// With 64-bit integers (`SHADER_INT64`).
    Wide,
    /// From 16-bit limbs, on any device.
    Limbs,
}

impl Products {
    /// Both variants.
    pub const ALL: [Self; 2] = [Self::Wide, Self::Limbs];

    /// Name used in file names: `wide` or `limbs`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Limbs => "limbs",
        }
    }
}

macro_rules! common_parts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../shaders/common/", $name, ".wgsl")))),*]
    };
}

const COMMON: &[(&str, &str)] = common_parts![
    "draw",
    "flip_head",
    "four",
    "grid",
    "inner_product",
    "machine",
    "multiply_high_limbs",
    "multiply_high_wide",
    "permutation",
    "philox",
    "row_sum",
    "sfc32",
    "sigmoid",
    "square",
];

/// The whole text of a kernel as it is handed to the driver.
///
/// Panics on an unknown import, which the tests of every kernel exclude.
#[must_use]
pub fn compose(source: &str, products: Products) -> String {
    let mut text = String::with_capacity(4 * source.len());
    include(source, products, &mut Vec::new(), &mut text);
    text
}

fn include(source: &str, products: Products, seen: &mut Vec<&'static str>, text: &mut String) {
    for line in source.lines() {
        let Some(import) = line.strip_prefix("//!import ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let wanted = match (import, products) {
            ("multiply_high", Products::Wide) => "multiply_high_wide",
            ("multiply_high", Products::Limbs) => "multiply_high_limbs",
            (name, _) => name,
        };
        let Some(&(name, part)) = COMMON.iter().find(|(name, _)| *name == wanted) else {
            panic!("no shared shader part is called {wanted}");
        };
        if !seen.contains(&name) {
            seen.push(name);
            include(part, products, seen, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_taken_once_and_by_variant() {
        let source = "//!import philox\n//!import philox\nfn main() {}\n";
        let wide = compose(source, Products::Wide);
        let limbs = compose(source, Products::Limbs);
        assert_eq!(wide.matches("fn philox(").count(), 1);
        assert!(wide.contains("u64(a)") && !limbs.contains("u64("));
        assert_eq!(limbs.matches("fn multiply_high(").count(), 1);
    }
}
