//! Prints what the difference between two specs means for callers of `canva-connect`:
//!
//! ```sh
//! cargo run -p spec-diff -- tests/baseline/openapi.yaml openapi.yaml
//! git show main:openapi.yaml | cargo run -p spec-diff -- --markdown - openapi.yaml
//! ```
//!
//! `--only breaking,additive` hides the rest. The report goes to standard output. Exit code 0: nothing breaks callers;
//! 1: something does; 2: the arguments are wrong or a spec can't be read. The library has the rules.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use spec_diff::{Class, Spec, compare};

/// What the difference between two OpenAPI documents means for callers.
#[derive(Parser)]
#[command(
    name = "spec-diff",
    after_help = "Exit code: 0 if nothing breaks callers, 1 if something does, shown or not, 2 if a spec can't be read."
)]
struct Arguments {
    /// The old spec; `-` is standard input.
    old: String,
    /// The new spec; `-` is standard input.
    new: String,
    /// One JSON object, for programs.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Tables, for a comment on a pull request.
    #[arg(long)]
    markdown: bool,
    /// Shows only changes of these classes. The first line still counts all, and the exit code depends on all.
    #[arg(long, value_delimiter = ',', value_name = "CLASS,..")]
    only: Vec<Class>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(message) => {
            // The exit code says it too, so a closed standard error doesn't matter.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.old == "-" && arguments.new == "-" {
        return Err("only one of the two specs can be standard input".to_owned());
    }
    let mut report = compare(&read(&arguments.old)?, &read(&arguments.new)?);
    if !arguments.only.is_empty() {
        report = report.only(&arguments.only);
    }
    let text = if arguments.json {
        serde_json::to_string_pretty(&report).map_err(|e| e.to_string())? + "\n"
    } else if arguments.markdown {
        report.markdown()
    } else {
        report.text(true)
    };
    match io::stdout().write_all(text.as_bytes()) {
        // A reader of the first lines only (`| head -1`) still gets the exit code.
        Err(e) if e.kind() != ErrorKind::BrokenPipe => return Err(format!("standard output: {e}")),
        _ => {}
    }
    Ok(if report.gravest() == Some(Class::Breaking) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &str) -> Result<Spec, String> {
    let (name, text) = match path {
        "-" => ("standard input", io::read_to_string(io::stdin())),
        path => (path, fs::read_to_string(path)),
    };
    let text = text.map_err(|e| format!("{name}: {e}"))?;
    Spec::parse(name, &text).map_err(|e| e.to_string())
}
