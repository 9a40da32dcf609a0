//! `gibbsite report RUN_DIR`.

use serde_json::json;

use crate::cli::args::ReportArgs;
use crate::cli::console::Console;
use crate::error::Result;
use crate::report::write_report;

pub(in crate::cli) fn report(args: &ReportArgs, console: &mut Console) -> Result<()> {
    let path = write_report(&args.directory)?;
    let path = path.display().to_string();
    console.result(&json!({ "report": path }), &path)
}
