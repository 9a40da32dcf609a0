//! The source tree keeps its own rules: who may know whom, one stem in four places, and shaders that match their host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gibbsite::internals::backend::gpu::kernel::{Access, Kernel, Scalar};
use gibbsite::internals::backend::gpu::shader::{Precision, Products, Variant, compose};
use gibbsite::internals::backend::gpu::tile;
use gibbsite::internals::backend::gpu::{WORKGROUP_BYTES, kernels, shader_texts};
use naga::{AddressSpace, StorageAccess};

/// Layer of every top-level module; a module sees its own layer and those below.
const LAYERS: &[(&str, u8)] = &[
    ("error", 0),
    ("numerics", 0),
    ("limits", 0),
    ("rng", 0),
    ("bits", 0),
    ("events", 0),
    ("threads", 0),
    ("lattice", 1),
    ("rbm", 1),
    ("record", 1),
    ("stats", 1),
    ("observables", 1),
    ("baselines", 1),
    ("couplings", 1),
    ("exact", 1),
    ("backend", 2),
    ("ising", 3),
    ("train", 3),
    ("sample", 3),
    ("likelihood", 3),
    ("scenario", 4),
    ("settings", 4),
    ("data", 4),
    ("artifact", 4),
    ("run", 5),
    ("report", 5),
    ("cli", 6),
    ("main", 6),
    ("lib", 6),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with the given ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.extension().is_some_and(|e| e == ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// A source file: its path from the root, its top-level module, and its text without comments and unit tests.
struct Source {
    path: String,
    module: String,
    code: String,
}

fn code_of(text: &str) -> String {
    let product = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = product.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let source = |path: PathBuf| {
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
        Source {
            module: first.trim_end_matches(".rs").to_string(),
            path: path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/"),
            code: code_of(&std::fs::read_to_string(&path).unwrap()),
        }
    };
    files(&src, "rs").into_iter().map(source).collect()
}

/// Whether `word` stands in `code` as a word of its own.
fn has_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(part) && !code[at + word.len()..].starts_with(part))
}

/// Top-level modules that `code` names after `crate::`, braces included.
fn crate_modules(code: &str) -> BTreeSet<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(name(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.insert(name(item.trim()));
                    item.clear();
                }
                _ => {}
            }
            if c != ',' {
                item.push(c);
            }
        }
        found.insert(name(item.trim()));
    }
    // Items re-exported at the top, macros and an empty tail are no modules.
    found.retain(|name| LAYERS.iter().any(|(module, _)| module == name));
    found
}

fn layer(module: &str) -> u8 {
    let known = LAYERS.iter().find(|(name, _)| *name == module);
    known.unwrap_or_else(|| panic!("src/{module} has no layer: give it one in tests/suite/tree.rs")).1
}

/// Fails with every file outside `allowed` for which `breaks` holds.
fn only_in(allowed: &[&str], rule: &str, breaks: impl Fn(&str) -> bool) {
    let guilty: Vec<String> = sources()
        .into_iter()
        .filter(|s| !allowed.iter().any(|prefix| s.path.starts_with(prefix)) && breaks(&s.code))
        .map(|s| s.path)
        .collect();
    assert!(guilty.is_empty(), "{rule}: {guilty:?}");
}

#[test]
fn words_and_modules_are_found() {
    let code =
        code_of("use crate::{rng, backend::{cpu, gpu},\n  error::Result}; // crate::train\nlet x = crate::bits::f;");
    let found: Vec<String> = crate_modules(&code).into_iter().collect();
    assert_eq!(found, ["backend", "bits", "error", "rng"]);
    assert!(has_word("a wgpu::x", "wgpu") && !has_word("my_wgpu", "wgpu"));
}

#[test]
fn layers_see_only_downwards() {
    for source in sources() {
        for module in crate_modules(&source.code) {
            assert!(layer(&module) <= layer(&source.module), "{} sees {module}", source.path);
            assert!(source.module != "exact" || layer(&module) == 0 || module == "exact", "exact sees {module}");
        }
    }
}

#[test]
fn wgpu_stays_behind_the_seam() {
    only_in(&["src/backend/gpu/"], "wgpu", |code| has_word(code, "wgpu"));
    let named = |code: &str| code.contains("backend::gpu") || code.contains("backend::cpu");
    // `run` picks a backend, and the command that lists devices asks each for its own.
    only_in(&["src/backend/", "src/run/", "src/cli/commands/devices.rs"], "a backend by name", named);
}

#[test]
fn files_are_touched_only_by_those_who_may() {
    let allowed = ["src/data", "src/scenario", "src/artifact", "src/report"];
    only_in(&allowed, "std::fs", |code| has_word(code, "fs"));
}

#[test]
fn only_the_command_line_prints() {
    let printers = ["println!", "eprintln!", "print!", "eprint!", "dbg!"];
    only_in(&["src/cli", "src/main.rs"], "printing", |code| printers.iter().any(|p| has_word(code, p)));
}

#[test]
fn nothing_is_left_undone() {
    only_in(&[], "unfinished", |code| ["todo!", "unimplemented!"].iter().any(|m| has_word(code, m)));
    for path in files(&root().join("tests"), "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let ignored = format!("#[{}]", "ignore");
        assert!(!text.contains(&ignored), "{} ignores a test without a reason", path.display());
    }
}

fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let found = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let ours = found.filter(|path| path.is_file() && path.extension().is_some_and(|e| e == ending));
    ours.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_stem_is_in_its_four_places() {
    let shaders = stems("shaders", "wgsl");
    assert!(!shaders.is_empty());
    for folder in ["src/backend/gpu/kernels", "src/backend/cpu/kernels", "tests/suite/parity"] {
        let mut here = stems(folder, "rs");
        // The module itself, and the parity tests' own parts.
        for other in ["mod", "reference", "device", "counts", "variants", "shards"] {
            here.remove(other);
        }
        assert_eq!(here, shaders, "{folder}");
    }
    let known: BTreeSet<String> = kernels::ALL.iter().map(|kernel| kernel.stem.to_string()).collect();
    assert_eq!(known, shaders, "the list of kernels");
}

fn parse(kernel: &Kernel, variant: Variant) -> (naga::Module, naga::valid::ModuleInfo) {
    let text = compose(kernel.source, variant);
    let module = naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|error| panic!("{}: {}", kernel.stem, error.emit_to_string(&text)));
    let capabilities = match variant.products {
        Products::Wide => naga::valid::Capabilities::SHADER_INT64,
        Products::Limbs => naga::valid::Capabilities::empty(),
    };
    let halves = match variant.stored.precision {
        Precision::NativeF16 => naga::valid::Capabilities::SHADER_FLOAT16,
        Precision::F32 | Precision::F16 => naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32,
    };
    let matrices = match variant.tile.side {
        0 => naga::valid::Capabilities::empty(),
        _ => naga::valid::Capabilities::COOPERATIVE_MATRIX,
    };
    let capabilities = capabilities | halves | matrices;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities);
    let info = validator.validate(&module).unwrap_or_else(|error| {
        panic!("{} ({}): {}", kernel.stem, variant.products.name(), error.emit_to_string(&text));
    });
    (module, info)
}

#[test]
fn every_shader_is_valid_and_matches_its_host() {
    for kernel in kernels::ALL {
        for variant in kernel.variants() {
            let (module, info) = parse(kernel, variant);
            let index = module.entry_points.iter().position(|entry| entry.name == kernel.entry);
            let index = index.unwrap_or_else(|| panic!("{} has no entry {}", kernel.stem, kernel.entry));
            let invocations = [kernel.invocations(variant.tile), 1, 1];
            assert_eq!(module.entry_points[index].workgroup_size, invocations, "{}", kernel.stem);
            compare_bindings(kernel, variant, &module, info.get_entry_point(index));
        }
    }
}

/// Few devices offer cooperative matrices, so that their variants are followed as far as the driver's own language.
#[test]
fn cooperative_matrices_become_instructions_of_the_driver() {
    let by_matrices = |kernel: &&&Kernel| kernel.matrices;
    let stems: Vec<&str> = kernels::ALL.iter().filter(by_matrices).map(|kernel| kernel.stem).collect();
    assert_eq!(stems, ["gibbs_half_step"; 4]);
    for kernel in kernels::ALL.iter().filter(by_matrices) {
        for variant in kernel.variants().filter(|variant| variant.tile.side > 0) {
            let (module, info) = parse(kernel, variant);
            let entry = naga::back::spv::PipelineOptions {
                shader_stage: naga::ShaderStage::Compute,
                entry_point: kernel.entry.to_string(),
            };
            let options = naga::back::spv::Options { lang_version: (1, 4), ..Default::default() };
            let words = naga::back::spv::write_vec(&module, &info, &options, Some(&entry)).unwrap();
            // After a header of five words, instructions: their length and their number, OpCooperativeMatrixMulAddKHR.
            let (mut at, mut products) = (5, 0);
            while at < words.len() {
                products += u32::from(words[at] & 0xffff == 4459);
                at += (words[at] >> 16).max(1) as usize;
            }
            assert_eq!(products, variant.tile.columns / variant.tile.side, "{}", variant.tile.name);
        }
    }
}

#[test]
fn every_entry_point_is_listed_and_every_text_is_complete() {
    for kernel in kernels::ALL {
        for entry in &parse(kernel, Variant::new(Products::Limbs)).0.entry_points {
            let listed = kernels::ALL.iter().any(|k| k.stem == kernel.stem && k.entry == entry.name);
            assert!(listed, "{} {}", kernel.stem, entry.name);
        }
    }
    let texts = shader_texts();
    assert_eq!(texts.len(), kernels::ALL.iter().map(|kernel| kernel.variants().count()).sum::<usize>());
    assert!(texts.iter().all(|shader| !shader.text.contains("//!")));
    let names: BTreeSet<&str> = texts.iter().map(|shader| shader.name.as_str()).collect();
    assert_eq!(names.len(), texts.len(), "names of shader files are unique");
}

/// Bindings of a module, their access and types, the parameter block, and the workgroup memory of the entry.
fn compare_bindings(kernel: &Kernel, variant: Variant, module: &naga::Module, entry: &naga::valid::FunctionInfo) {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap();
    let mut workgroup_bytes = 0;
    let mut storage = vec![None; kernel.bindings.len()];
    let mut block = None;
    for (handle, variable) in module.global_variables.iter() {
        match (variable.space, &variable.binding) {
            (AddressSpace::WorkGroup, None) if entry[handle].is_empty() => {}
            (AddressSpace::WorkGroup, None) => workgroup_bytes += layouter[variable.ty].size,
            (AddressSpace::Uniform, Some(binding)) => {
                assert_eq!((binding.group, binding.binding), (0, 0), "{}: the parameter block", kernel.stem);
                block = Some(variable.ty);
            }
            (AddressSpace::Storage { access }, Some(binding)) => {
                assert_eq!(binding.group, 0, "{}", kernel.stem);
                let written = access.contains(StorageAccess::STORE);
                storage[binding.binding as usize - 1] = Some(if written { Access::ReadWrite } else { Access::Read });
            }
            (space, _) => panic!("{}: a global variable in {space:?}", kernel.stem),
        }
    }
    let declared: Vec<Option<Access>> = kernel.bindings.iter().copied().map(Some).collect();
    assert_eq!(storage, declared, "{}: storage buffers", kernel.stem);
    // The largest tiles are left out where a device has less memory than they need.
    let most = if kernel.is_tiled() { variant.tile.bytes() } else { WORKGROUP_BYTES };
    let small = tile::ALL.iter().filter(|tile| tile.bytes() <= WORKGROUP_BYTES).count();
    assert!(workgroup_bytes <= most && small >= 3, "{}: {workgroup_bytes} bytes of workgroup memory", kernel.stem);

    let block = &module.types[block.unwrap_or_else(|| panic!("{} has no parameter block", kernel.stem))];
    let naga::TypeInner::Struct { members, span } = &block.inner else { panic!("{}: no struct", kernel.stem) };
    assert_eq!(*span as usize, kernel.parameter_bytes, "{}: bytes of the parameter block", kernel.stem);
    let of_shader: Vec<(String, Scalar, usize)> = members
        .iter()
        .map(|member| {
            let scalar = match module.types[member.ty].inner {
                naga::TypeInner::Scalar(naga::Scalar::U32) => Scalar::Unsigned,
                naga::TypeInner::Scalar(naga::Scalar::F32) => Scalar::Float,
                ref other => panic!("{}: a parameter of type {other:?}", kernel.stem),
            };
            (member.name.clone().unwrap_or_default(), scalar, member.offset as usize)
        })
        .collect();
    let of_host: Vec<(String, Scalar, usize)> =
        kernel.fields.iter().map(|field| (field.name.to_string(), field.scalar, field.offset)).collect();
    assert_eq!(of_shader, of_host, "{}: parameter block", kernel.stem);
}
