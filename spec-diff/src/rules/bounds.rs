//! Bounds on a value beyond its type: lengths, numbers, patterns.

use std::cmp::Ordering;

use super::{Additive, Breaking, Editorial, Part, Rules, quote};
use crate::reach::Way;

impl<'v> Rules<'v> {
    /// In a request, a tighter bound may refuse what was sent, and a looser one lets more be sent. In a response
    /// neither breaks: responses aren't checked, and only the Rust type of an integer depends on its bounds.
    pub(super) fn bound(&mut self, key: &str, part: &Part<'v>, way: Way) {
        let Some(change) = compare(key, part) else {
            return self.unknown(part, key);
        };
        if change == Ordering::Equal {
            return;
        }
        let sentence = format!("{} {}", quote(key), part.change());
        let (class, consequence) = way.judge(|way| match (way, change) {
            (Way::Response, _) if matches!(key, "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum") => {
                (Breaking, ": the Rust type may depend on it")
            }
            (Way::Response, _) => (Editorial, "; responses aren't checked against it"),
            (_, Ordering::Less) => (Breaking, ": what was sent may be refused"),
            (_, _) => (Additive, ": more may be sent"),
        });
        self.say(class, part, sentence + &consequence);
    }
}

/// Whether a bound allows less than before, the same, or more. No bound allows everything.
fn compare(key: &str, part: &Part) -> Option<Ordering> {
    let number = |free: f64| {
        let (old, new) = part.both(|bound| if bound.is_null() { Some(free) } else { bound.as_f64() });
        Some((old?, new?))
    };
    match key {
        // Patterns can't be compared: any new one may refuse what the old one allowed.
        "pattern" => Some(if part.new.is_none() { Ordering::Greater } else { Ordering::Less }),
        "uniqueItems" | "exclusiveMinimum" | "exclusiveMaximum" => {
            let (old, new) = part.flags();
            Some(old.cmp(&new))
        }
        // Every multiple of 6 is one of 3.
        "multipleOf" => number(0.0).map(|(old, new)| match (old, new) {
            (old, new) if old == new => Ordering::Equal,
            (_, 0.0) => Ordering::Greater,
            (old, new) if old != 0.0 && old % new == 0.0 => Ordering::Greater,
            _ => Ordering::Less,
        }),
        "minimum" => number(f64::NEG_INFINITY).and_then(|(old, new)| old.partial_cmp(&new)),
        _ if key.contains("max") => number(f64::INFINITY).and_then(|(old, new)| new.partial_cmp(&old)),
        _ => number(0.0).and_then(|(old, new)| old.partial_cmp(&new)),
    }
}
