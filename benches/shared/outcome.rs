//! How a benchmark ends.

use std::error::Error;
use std::process::ExitCode;

/// Whatever goes wrong ends the run.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;
/// What comes of a step.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Of a run that `cargo test` or a newcomer began: what takes long is asked for by name.
pub(crate) fn unmeasured(bench: &str) -> Outcome<()> {
    println!("nothing is measured without `cargo bench --bench {bench}`");
    Ok(())
}

/// Says what went wrong, if anything did.
pub(crate) fn exit_code(done: Outcome<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
