//! Says what the difference between two specs means for callers of this crate:
//!
//! ```sh
//! cargo run --example spec-diff -- tests/baseline/openapi.yaml openapi.yaml
//! git show main:openapi.yaml | cargo run --example spec-diff -- --markdown - openapi.yaml
//! ```
//!
//! The report alone goes to standard output. Exit code 0: nothing breaks callers; 1: something does; 2: the arguments
//! are wrong or a spec can't be read. What is compared, and how it's judged, stands in `diff/`.

use std::io::{Read, Write};
use std::process::ExitCode;

use clap::Parser;

mod diff;

use diff::{Class, Spec};

/// What the difference between two OpenAPI documents means for callers.
#[derive(Parser)]
#[command(name = "spec-diff")]
struct Arguments {
    /// The spec as it was; `-` is standard input.
    old: String,
    /// The spec as it is; `-` is standard input.
    new: String,
    /// One JSON object, for programs.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Tables, for a comment on a pull request.
    #[arg(long)]
    markdown: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.old == "-" && arguments.new == "-" {
        return Err("only one of the two specs can be standard input".to_owned());
    }
    let report = diff::compare(&read(&arguments.old)?, &read(&arguments.new)?);
    let text = if arguments.json {
        serde_json::to_string_pretty(&report).map_err(|e| e.to_string())? + "\n"
    } else if arguments.markdown {
        report.markdown()
    } else {
        report.text(true)
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| format!("standard output: {e}"))?;
    Ok(if report.gravest() == Some(Class::Breaking) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &str) -> Result<Spec, String> {
    if path == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| format!("standard input: {e}"))?;
        return Spec::parse("standard input", &text);
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    Spec::parse(path, &text)
}
