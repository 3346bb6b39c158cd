//! A rule's place in the spec -> the lines of openapi.yaml that say it.

use canva_connect::OPENAPI_YAML;
use minijinja::context;
use minijinja::value::Value;

/// The most lines that are shown.
const MOST: usize = 24;

/// The lines at this JSON reference, and the number of the first one; nothing if there is no such place. Around a single
/// line, they are those of what it belongs to.
pub fn of(rule: &str) -> Value {
    match find(OPENAPI_YAML, rule) {
        Some((line, text)) => context! { line => line, text => text },
        None => Value::from(()),
    }
}

/// The document is written in blocks, one key a line, so that a place is found by the indentation of its lines.
fn find(yaml: &str, rule: &str) -> Option<(usize, String)> {
    let lines: Vec<(usize, &str)> = yaml.lines().enumerate().filter(|(_, line)| is_content(line)).collect();
    let (mut block, mut inner) = (lines.as_slice(), lines.as_slice());
    for step in rule.strip_prefix('#')?.split('/').skip(1) {
        let found = child(inner, &step.replace("~1", "/").replace("~0", "~"))?;
        inner = found.get(1..)?;
        block = if inner.is_empty() && block.len() <= MOST { block } else { found };
    }
    let (first, line) = block.first()?;
    let margin = indent(line);
    let mut text: Vec<&str> = block.iter().take(MOST).map(|(_, line)| line.get(margin..).unwrap_or_default()).collect();
    if block.len() > MOST {
        text.push("…");
    }
    Some((first + 1, text.join("\n")))
}

/// The lines of what has this name in a mapping, or this index in a sequence.
fn child<'a>(lines: &'a [(usize, &'a str)], step: &str) -> Option<&'a [(usize, &'a str)]> {
    let depth = indent(lines.first()?.1);
    let is_next = |(_, line): &(usize, &str)| indent(line) <= depth;
    let starts: Vec<usize> = (0..lines.len()).filter(|index| lines.get(*index).is_some_and(is_next)).collect();
    let is_sequence = lines.first()?.1.trim_start().starts_with("- ");
    let start = match step.parse() {
        Ok(index) if is_sequence => *starts.get::<usize>(index)?,
        _ => *starts.iter().find(|start| lines.get(**start).is_some_and(|(_, line)| has_key(line, step)))?,
    };
    let end = starts.iter().find(|next| **next > start).copied().unwrap_or(lines.len());
    lines.get(start..end)
}

fn has_key(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    let quoted = ["", "'", "\""].map(|quote| format!("{quote}{key}{quote}:"));
    quoted.iter().filter_map(|key| line.strip_prefix(key)).any(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn is_content(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_place_in_the_spec_is_found() {
        let spec: Value = serde_saphyr::from_str(OPENAPI_YAML).unwrap();
        let mut found = 0;
        for section in ["paths", "components"] {
            let places = places(&format!("#/{section}"), &spec[section]);
            for (place, key) in places.into_iter().step_by(7) {
                let (_, text) = find(OPENAPI_YAML, &place).unwrap_or_else(|| panic!("{place}"));
                assert!(text.contains(&key) || text.ends_with('…'), "{place}: {text}");
                found += 1;
            }
        }
        assert!(found > 250, "{found}");
    }

    /// All mappings, and the values in them, by their references and names.
    fn places(place: &str, value: &Value) -> Vec<(String, String)> {
        let children = value.as_object().into_iter().flatten();
        let below = children.flat_map(|(name, child)| {
            let here = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
            let own = (here.clone(), name.clone());
            std::iter::once(own).chain(places(&here, child))
        });
        below.collect()
    }

    #[test]
    fn a_line_by_itself_is_shown_with_what_it_belongs_to() {
        let (line, text) = find("a:\n  b:\n    type: array\n    items: c\n  d: e\n", "#/a/b/type").unwrap();
        assert_eq!((line, text.as_str()), (2, "b:\n  type: array\n  items: c"));
        assert_eq!(find("a:\n  - $ref: b\n  - $ref: c\n", "#/a/1").unwrap().1, "a:\n  - $ref: b\n  - $ref: c");
        assert_eq!(find("a: b", "#/c"), None);
        assert_eq!(find("a: b", "nonsense"), None);
    }
}
