//! Composition of WGSL text from a kernel's file, the shared parts it imports, and what its variant decides.
//!
//! A line `//!import name` is replaced by `shaders/common/name.wgsl`, once in the whole text. Some imports are
//! resolved by the [`Variant`]: `inner_product` and `tile` by the [`Tile`], `multiply_high` by [`Products`], `stored_weights` by [`Precision`], `taken_up` by
//! [`Parts`]. Lines between `//!each name` and `//!end` are repeated as often as
//! the tile says, with `{name}` replaced by 0, 1, …: compilers keep unrolled accumulators in registers and arrays of them
//! often not. `{side}` is the side of the tile's cooperative matrices.

use super::tile::{self, Tile};

/// How a device forms the high half of a 32 × 32-bit product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// How weights are stored for the kernels that form products; sums are f32 in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Precision {
    /// As they are trained.
    #[default]
    F32,
    /// Rounded to the nearest f16, two a word, taken apart by the shader.
    F16,
    /// The same numbers as the device's own f16 (`SHADER_F16`).
    NativeF16,
}

impl Precision {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::NativeF16];

    /// Whether weights are rounded.
    #[must_use]
    pub fn is_half(self) -> bool {
        self != Self::F32
    }

    /// Name used in file names: `f32`, `f16` or `f16-native`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::NativeF16 => "f16-native",
        }
    }
}

/// In how many buffers the weights lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Parts {
    /// In one.
    #[default]
    One,
    /// In several: sums over visible units begin with what the buffers before gave. A variant of its own, because sums
    /// that begin with zero need fewer instructions in the loop on some devices.
    Several,
}

impl Parts {
    /// Both variants.
    pub const ALL: [Self; 2] = [Self::One, Self::Several];
}

/// How a machine's weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stored {
    /// As which numbers.
    pub precision: Precision,
    /// In how many buffers.
    pub parts: Parts,
}

impl Stored {
    /// What cooperative matrices multiply: the device's own f16, in one buffer.
    pub const BY_MATRICES: Self = Self { precision: Precision::NativeF16, parts: Parts::One };
}

/// What a kernel's text depends on besides its own file; kernels without tiles or stored weights ignore the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Wide products.
    pub products: Products,
    /// Stored weights.
    pub stored: Stored,
    /// Division of the outputs.
    pub tile: &'static Tile,
}

impl Variant {
    /// Plain weights and the medium tile.
    #[must_use]
    pub fn new(products: Products) -> Self {
        Self { products, stored: Stored::default(), tile: &tile::MEDIUM }
    }
}

macro_rules! common_parts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../shaders/common/", $name, ".wgsl")))),*]
    };
}

const COMMON: &[(&str, &str)] = common_parts![
    "chain_product",
    "draw",
    "draw_units",
    "expand",
    "flip_head",
    "four",
    "grid",
    "grid_part",
    "inner_product",
    "inner_product_matrices",
    "input_loop",
    "machine",
    "multiply_high_limbs",
    "multiply_high_wide",
    "permutation",
    "philox",
    "quartet",
    "product_shape",
    "product_weights",
    "row_sum",
    "rungs",
    "sfc32",
    "sigmoid",
    "torus",
    "stored_weights_f16",
    "stored_weights_f16_native",
    "stored_weights_f32",
    "taken_up_one",
    "taken_up_several",
    "tile_blocks",
    "tile_product",
];

/// The whole text of a kernel as it is handed to the driver.
///
/// Panics on an unknown import or repetition, which the tests of every kernel exclude.
#[must_use]
pub fn compose(source: &str, variant: Variant) -> String {
    let mut text = String::with_capacity(4 * source.len());
    include(source, variant, &mut Vec::new(), &mut text);
    let lines: Vec<&str> = text.lines().collect();
    let mut unrolled = String::with_capacity(2 * text.len());
    if text.contains("array<f16>") {
        unrolled.push_str("enable f16;\n");
    }
    if text.contains("coop_mat") {
        unrolled.push_str("enable wgpu_cooperative_matrix;\n");
    }
    repeat(&lines, variant.tile, &mut unrolled);
    unrolled.replace("{side}", &variant.tile.side.to_string())
}

fn include(source: &str, variant: Variant, seen: &mut Vec<&'static str>, text: &mut String) {
    for line in source.lines() {
        let Some(import) = line.strip_prefix("//!import ") else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let wanted = match (import, variant.products, variant.stored.precision) {
            ("multiply_high", Products::Wide, _) => "multiply_high_wide",
            ("multiply_high", Products::Limbs, _) => "multiply_high_limbs",
            ("stored_weights", _, Precision::F32) => "stored_weights_f32",
            ("stored_weights", _, Precision::F16) => "stored_weights_f16",
            ("stored_weights", _, Precision::NativeF16) => "stored_weights_f16_native",
            ("taken_up", ..) if variant.stored.parts == Parts::One => "taken_up_one",
            ("inner_product", ..) if variant.tile.side > 0 => "inner_product_matrices",
            ("taken_up", ..) => "taken_up_several",
            ("tile", ..) => {
                if !seen.contains(&"tile") {
                    seen.push("tile");
                    text.push_str(&variant.tile.constants());
                }
                continue;
            }
            (name, ..) => name,
        };
        let Some(&(name, part)) = COMMON.iter().find(|(name, _)| *name == wanted) else {
            panic!("no shared shader part is called {wanted}");
        };
        if !seen.contains(&name) {
            seen.push(name);
            include(part, variant, seen, text);
        }
    }
}

/// Writes `lines` with their repeated parts unrolled.
fn repeat(lines: &[&str], tile: &Tile, text: &mut String) {
    let mut at = 0;
    while at < lines.len() {
        let Some(name) = lines[at].strip_prefix("//!each ") else {
            text.push_str(lines[at]);
            text.push('\n');
            at += 1;
            continue;
        };
        let Some(times) = tile.repetitions(name) else { panic!("no shader part is repeated by {name}") };
        let mut depth = 1;
        let mut end = at + 1;
        while depth > 0 {
            match lines.get(end) {
                Some(line) if line.starts_with("//!each ") => depth += 1,
                Some(&"//!end") => depth -= 1,
                Some(_) => {}
                None => panic!("a part repeated by {name} has no end"),
            }
            end += 1;
        }
        let mut body = String::new();
        repeat(&lines[at + 1..end - 1], tile, &mut body);
        for i in 0..times {
            text.push_str(&body.replace(&format!("{{{name}}}"), &i.to_string()));
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_taken_once_and_by_variant() {
        let source = "//!import philox\n//!import philox\n//!import stored_weights\nfn main() {}\n";
        let with = |precision, products| {
            let stored = Stored { precision, ..Stored::default() };
            Variant { stored, ..Variant::new(products) }
        };
        let wide = compose(source, Variant::new(Products::Wide));
        let limbs = compose(source, with(Precision::F16, Products::Limbs));
        assert_eq!(wide.matches("fn philox(").count(), 1);
        assert!(wide.contains("u64(a)") && !limbs.contains("u64("));
        assert_eq!(limbs.matches("fn multiply_high(").count(), 1);
        assert!(wide.contains("weights: array<f32>") && limbs.contains("unpack2x16float"));
        let native = compose(source, with(Precision::NativeF16, Products::Wide));
        assert!(native.starts_with("enable f16;") && native.contains("weights: array<f16>"));
    }

    #[test]
    fn repeated_parts_nest() {
        let source = "//!each four\n{four}:\n//!each quad\n{four}{quad}\n//!end\n//!end\nend\n";
        let large = Variant { tile: &tile::LARGE, ..Variant::new(Products::Wide) };
        assert_eq!(compose(source, large), "0:\n00\n01\n1:\n10\n11\nend\n");
        let small = Variant { tile: &tile::SMALL, ..Variant::new(Products::Wide) };
        assert_eq!(compose(source, small), "0:\n00\nend\n");
    }
}
