//! What stderr shows: messages and, on a terminal, the progress of what is being sent, one line each.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use canva_connect::{Printable, UploadProgress};
use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressStyle};

const WAITING: &str = "waiting for Canva";

#[derive(Clone, Default)]
pub struct ProgressLines(MultiProgress);

impl ProgressLines {
    /// Adds a line about this. It disappears when it is dropped.
    pub fn line(&self, name: impl Display) -> ProgressLine {
        if self.0.is_hidden() {
            return ProgressLine(ProgressBar::hidden());
        }
        let name = Printable(&name.to_string()).to_string();
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.0.add(ProgressBar::new_spinner().with_style(style).with_prefix(name));
        bar.enable_steady_tick(Duration::from_millis(150));
        let line = ProgressLine(bar);
        line.show(WAITING);
        line
    }

    /// Prints one line to stderr.
    pub fn say(&self, message: &str) {
        // An error means that stderr is gone; there is nowhere to report it.
        let _ = self.aside(|| writeln!(io::stderr(), "canva: {}", Printable(message)));
    }

    /// Hides the lines while `write` prints, so that the two don't mix.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

pub struct ProgressLine(ProgressBar);

impl ProgressLine {
    pub fn show(&self, text: impl Display) {
        show(&self.0, text);
    }

    pub fn on_progress(&self) -> impl FnMut(UploadProgress) + Send + 'static {
        let bar = self.0.clone();
        move |progress| {
            let UploadProgress { sent, total, attempt, .. } = progress;
            if sent == total {
                return show(&bar, WAITING);
            }
            let percent = sent.saturating_mul(100).checked_div(total).unwrap_or(100);
            let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let (sent, total) = (DecimalBytes(sent), DecimalBytes(total));
            show(&bar, format_args!("{percent} % ({sent} of {total}{again})"));
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The name is part of the message, which is cut where the terminal ends.
fn show(bar: &ProgressBar, text: impl Display) {
    bar.set_message(format!("{}: {text}", bar.prefix()));
}
