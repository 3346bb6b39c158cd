//! What is said to a command line that comes close: the names of other programs' commands, and typing errors.

use std::env;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What other programs call a command, and what it is here.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("ls", &["list", "design list"]),
    ("dir", &["list", "design list"]),
    ("find", &["list", "design list"]),
    ("search", &["design list", "list"]),
    ("rm", &["delete"]),
    ("remove", &["delete"]),
    ("trash", &["delete"]),
    ("mv", &["move"]),
    ("cp", &["design copy"]),
    ("mkdir", &["folder"]),
    ("push", &["upload"]),
    ("auth", &["login", "status", "logout"]),
    ("put", &["upload"]),
    ("add", &["upload"]),
];

/// The error, with what the user may have meant.
pub fn add_to(mut error: Error) -> Error {
    let given = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let given = given(ContextKind::InvalidSubcommand);
            if let Some((_, commands)) = ELSEWHERE.iter().find(|(name, _)| *name == given) {
                let tip = format!("here it is '{}'", commands.join("' or '"));
                // Of design's own commands, the nearest may be another than what is meant.
                error.remove(ContextKind::SuggestedSubcommand);
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            } else if let Some(ContextValue::Strings(similar)) = error.get(ContextKind::SuggestedSubcommand) {
                // clap names the nearest last.
                let similar = similar.iter().rev().cloned().collect();
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(similar));
            }
        }
        ErrorKind::UnknownArgument => {
            let given = given(ContextKind::InvalidArg);
            let takes_files = env::args_os().any(|argument| argument == "upload" || argument == "import");
            if takes_files && ["-r", "-R", "--recursive"].contains(&given.as_str()) {
                let tip = format!("a directory is taken with all that is in it; leave '{given}' out");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
        }
        _ => {}
    }
    error
}
