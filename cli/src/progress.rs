//! Messages on stderr and, on a terminal, lines of progress.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use canva_connect::{Printable, UploadProgress};
use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const WAITING: &str = "waiting for Canva";

#[derive(Clone, Default)]
pub struct ProgressLines(MultiProgress);

impl ProgressLines {
    /// Adds a line about this. It disappears when it is dropped.
    pub fn line(&self, name: impl Display) -> ProgressLine {
        if self.0.is_hidden() {
            return ProgressLine(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {prefix}: {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_style(style).with_message(WAITING);
        let bar = self.0.add(bar.with_prefix(Printable(&name.to_string()).to_string()));
        bar.enable_steady_tick(Duration::from_millis(150));
        ProgressLine(bar)
    }

    /// Removes all lines, for good.
    pub fn end(&self) {
        // An error means that stderr is gone.
        let _ = self.0.clear();
        self.0.set_draw_target(ProgressDrawTarget::hidden());
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
    pub fn show(&self, text: String) {
        self.0.set_message(text);
    }

    pub fn on_progress(&self) -> impl FnMut(UploadProgress) + Send + 'static {
        let bar = self.0.clone();
        move |progress| {
            let UploadProgress { sent, total, attempt, .. } = progress;
            if sent == total {
                return bar.set_message(WAITING);
            }
            let percent = sent.saturating_mul(100).checked_div(total).unwrap_or(100);
            let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let (sent, total) = (DecimalBytes(sent), DecimalBytes(total));
            bar.set_message(format!("{percent} % ({sent} of {total}{again})"));
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
