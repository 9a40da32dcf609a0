//! `gibbsite check SCENARIO`.

use crate::cli::args::{CheckArgs, Global};
use crate::cli::console::Console;
use crate::error::Result;
use crate::scenario;

pub(in crate::cli) fn check(args: &CheckArgs, global: &Global, console: &mut Console) -> Result<()> {
    let plan = scenario::load(&args.scenario, &super::run::options(&args.sets, args.quick, global.seed))?;
    let estimate = scenario::estimate(&plan);
    console.result(&estimate, &scenario::describe(&plan, &estimate))
}
