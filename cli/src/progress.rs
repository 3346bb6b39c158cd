//! What stderr shows: messages, and if it is a terminal, the progress of what is being sent, a line each.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use canva_connect::Printable;
use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

#[derive(Clone, Default)]
pub struct ProgressLines(MultiProgress);

impl ProgressLines {
    /// Adds a line about one item. It disappears when it is dropped.
    pub fn line(&self, name: impl Display) -> ProgressLine {
        let name = Printable(&name.to_string()).to_string();
        if self.0.is_hidden() {
            return ProgressLine { name, bar: ProgressBar::hidden() };
        }
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_finish(ProgressFinish::AndClear)
            .with_message(waiting(&name));
        let bar = self.0.add(bar);
        bar.enable_steady_tick(Duration::from_millis(150));
        ProgressLine { name, bar }
    }

    /// One line on stderr.
    pub fn say(&self, message: &str) {
        // An error means that stderr is gone; there is nowhere to report it.
        let _ = self.aside(|| writeln!(io::stderr(), "canva: {}", Printable(message)));
    }

    /// Hides the lines while `write` prints, so that the two don't mix.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

pub struct ProgressLine {
    name: String,
    bar: ProgressBar,
}

impl ProgressLine {
    pub fn show(&self, text: String) {
        self.bar.set_message(text);
    }

    pub fn on_progress(&self) -> impl FnMut(canva_connect::UploadProgress) + Send + 'static {
        let (name, bar) = (self.name.clone(), self.bar.clone());
        move |progress| {
            let canva_connect::UploadProgress { sent, total, attempt, .. } = progress;
            if sent == total {
                bar.set_message(waiting(&name));
            } else {
                let percent = sent.saturating_mul(100).checked_div(total).unwrap_or(100);
                let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                let (sent, total) = (DecimalBytes(sent), DecimalBytes(total));
                bar.set_message(format!("{name}: {percent} % ({sent} of {total}{again})"));
            }
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn waiting(name: &str) -> String {
    format!("{name}: waiting for Canva")
}
