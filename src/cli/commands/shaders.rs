//! `gibbsite shaders DIR`.

use serde_json::json;

use crate::cli::args::ShadersArgs;
use crate::cli::console::Console;
use crate::data::write_bytes;
use crate::error::Result;

pub(in crate::cli) fn shaders(args: &ShadersArgs, console: &mut Console) -> Result<()> {
    let texts = crate::run::gpu::shaders();
    crate::data::make_directory(&args.directory)?;
    for shader in &texts {
        write_bytes(&args.directory.join(&shader.name), shader.text.as_bytes())?;
    }
    let names: Vec<&str> = texts.iter().map(|s| s.name.as_str()).collect();
    let directory = args.directory.display().to_string();
    let text = format!("{} shaders in {directory}", names.len());
    console.result(&json!({ "directory": directory, "files": names }), &text)
}
