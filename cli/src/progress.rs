//! How far uploads are, as lines on a terminal that come and go. Where stderr is no terminal there are none.

use std::fmt::Display;
use std::time::Duration;

use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

use crate::printable::printable;

#[derive(Clone, Default)]
pub struct Progress(MultiProgress);

impl Progress {
    /// A line about one item, until it is dropped.
    pub fn line(&self, name: impl Display) -> Line {
        let name = printable(&name.to_string());
        if self.0.is_hidden() {
            return Line { name, bar: ProgressBar::hidden() };
        }
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        let bar = ProgressBar::new_spinner()
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_finish(ProgressFinish::AndClear)
            .with_message(waiting(&name));
        let bar = self.0.add(bar);
        bar.enable_steady_tick(Duration::from_millis(150));
        Line { name, bar }
    }

    /// Writes to the terminal without getting between the lines.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

pub struct Line {
    name: String,
    bar: ProgressBar,
}

impl Line {
    pub fn on_progress(&self) -> impl FnMut(canva_connect::Progress) + Send + 'static {
        let (name, bar) = (self.name.clone(), self.bar.clone());
        move |progress| {
            let canva_connect::Progress { sent, total, .. } = progress;
            if sent == total {
                bar.set_message(waiting(&name));
            } else {
                let percent = sent.saturating_mul(100).checked_div(total).unwrap_or(100);
                bar.set_message(format!("{name}: {percent} % ({} of {})", DecimalBytes(sent), DecimalBytes(total)));
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn waiting(name: &str) -> String {
    format!("{name}: waiting for Canva")
}
