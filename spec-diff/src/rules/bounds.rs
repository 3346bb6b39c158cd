//! Bounds on a value beyond its type: lengths, numbers, patterns.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Additive, Breaking, Editorial, Part, Rules, quote};
use crate::reach::Way;

impl<'v> Rules<'v> {
    /// In a request, a tighter bound may refuse what was sent, and a looser one lets more be sent. In a response
    /// neither breaks: responses aren't checked, and only the Rust type of an integer depends on its bounds.
    pub(super) fn bound(&mut self, key: &str, part: &Part, way: Way) {
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

    /// A pattern may bound the length too: `^[a-z]{1,50}$` says the same as `^[a-z]+$` with a `maxLength` of 50.
    pub(super) fn length(&mut self, key: &str, part: &Part, schema: &Part, way: Way) {
        match schema.both(lengths) {
            (Some((was, old)), Some((is, new))) if was == is => {
                for (key, (old, new)) in ["minLength", "maxLength"].into_iter().zip(old.into_iter().zip(new)) {
                    let stated = schema.child(key);
                    let place = if stated.stays() { stated } else { schema.child("pattern") };
                    let (old, new) = (old.map(Value::from), new.map(Value::from));
                    self.bound(key, &Part { old: old.as_ref(), new: new.as_ref(), ..place }, way);
                }
            }
            _ => self.bound(key, part, way),
        }
    }
}

/// The character class that a text is made of, and its shortest and longest length, by pattern and bounds together.
fn lengths(schema: &Value) -> Option<(&str, [Option<u64>; 2])> {
    let (class, least, most) = repetition(schema.get("pattern")?.as_str()?)?;
    let stated = |key| match schema.get(key) {
        Some(bound) => bound.as_u64().map(Some),
        None => Some(None),
    };
    let longest = stated("maxLength")?.into_iter().chain(most).min();
    Some((class, [stated("minLength")?.max(Some(least)), longest]))
}

/// A pattern of one character class: the class, and how often it must and may come.
fn repetition(pattern: &str) -> Option<(&str, u64, Option<u64>)> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let mut escaped = false;
    let end = inner.strip_prefix('[')?.find(|c| {
        let ends = c == ']' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let (class, quantifier) = inner.split_at_checked(end + 2)?;
    let (least, most) = match quantifier {
        "*" => (0, None),
        "+" => (1, None),
        _ => {
            let times = quantifier.strip_prefix('{')?.strip_suffix('}')?;
            let (least, most) = times.split_once(',').unwrap_or((times, times));
            (least.parse().ok()?, if most.is_empty() { None } else { Some(most.parse().ok()?) })
        }
    };
    Some((class, least, most))
}

/// Whether a bound allows less than before, the same, or more. No bound allows everything.
fn compare(key: &str, part: &Part) -> Option<Ordering> {
    let number = |free: f64| {
        let (old, new) = part.both(|bound| if bound.is_null() { Some(free) } else { bound.as_f64() });
        Some((old?, new?))
    };
    match key {
        // Patterns can't be compared: any new one may refuse what the old one allowed. An empty one allows everything.
        "pattern" => match part.both(|pattern| if pattern.is_null() { Some("") } else { pattern.as_str() }) {
            (Some(old), Some(new)) if old == new => Some(Ordering::Equal),
            (Some(_), Some("")) => Some(Ordering::Greater),
            (old, new) => old.and(new).and(Some(Ordering::Less)),
        },
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
