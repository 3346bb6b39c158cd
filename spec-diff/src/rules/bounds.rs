//! What a value must keep to beyond its type: lengths, numbers, patterns.

use std::cmp::Ordering;

use super::way::Way;
use super::{Additive, Breaking, Editorial, Part, Rules, quote};

impl<'v> Rules<'v> {
    /// A request with a tighter bound may be refused, with a looser one more may be sent. In a response neither breaks:
    /// nothing here checks it, and no type follows from it but an integer's.
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
                (Breaking, ": the Rust type may follow from it")
            }
            (Way::Response, _) => (Editorial, "; nothing here checks that a response keeps to it"),
            (_, Ordering::Less) => (Breaking, ": what was sent may be refused"),
            (_, _) => (Additive, ": more may be sent"),
        });
        self.say(class, part, sentence + &consequence);
    }
}

/// Whether a bound allows less than before, the same, or more. Without one, anything goes.
fn compare(key: &str, part: &Part) -> Option<Ordering> {
    let number = |free: f64| {
        let (old, new) = part.both(|bound| if bound.is_null() { Some(free) } else { bound.as_f64() });
        Some((old?, new?))
    };
    match key {
        // Whether one pattern allows all that another did can't be told.
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
