//! A description of the spec -> the documentation of an item. What rustdoc would take for something else is made
//! plain: code that it would test, HTML, and links to items that aren't there.

use proc_macro2::TokenStream;
use quote::quote;

/// Code that is indented begins here, outside of lists.
const INDENT: &str = "    ";

enum Block {
    Prose,
    /// Code, up to a line that begins with this.
    Fenced(&'static str),
    Indented,
}

/// Markdown that rustdoc shows as the spec has it.
pub fn markdown(description: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut paragraph: Vec<String> = Vec::new();
    let (mut block, mut list) = (Block::Prose, false);
    // rustc refuses characters that turn the direction of text around.
    let description = description.replace("\r\n", "\n").replace('\r', "\n");
    let description = description.replace(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'), "");
    for line in description.trim().lines().map(str::trim_end) {
        let text = line.trim_start();
        match block {
            Block::Fenced(fence) => {
                out.push(line.to_owned());
                if text.trim_start_matches(['>', ' ']).starts_with(fence) {
                    block = Block::Prose;
                }
                continue;
            }
            Block::Indented => match line.strip_prefix(INDENT) {
                None if !text.is_empty() => {
                    out.push("```".to_owned());
                    block = Block::Prose;
                }
                code => {
                    out.push(code.unwrap_or_default().to_owned());
                    continue;
                }
            },
            Block::Prose => {}
        }
        // Deeper than this, it would be code.
        let indent = " ".repeat((line.len() - text.len()).min(INDENT.len() - 1));
        // In a list or quotation, code begins behind its mark.
        let (mark, behind) = marked(text);
        if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| is_fence(behind, fence)) {
            out.extend(escaped(&mut paragraph));
            out.push(format!("{indent}{mark}{fence}text"));
            block = Block::Fenced(fence);
        } else if let Some(code) = line.strip_prefix(INDENT).filter(|_| paragraph.is_empty() && !list) {
            out.extend(["```text".to_owned(), code.to_owned()]);
            block = Block::Indented;
        } else if text.is_empty() {
            out.extend(escaped(&mut paragraph));
            out.push(String::new());
        } else {
            list = is_list_item(text) || (list && !(paragraph.is_empty() && indent.is_empty()));
            paragraph.push(format!("{indent}{mark}{behind}"));
        }
    }
    out.extend(escaped(&mut paragraph));
    match block {
        Block::Prose => {}
        Block::Fenced(fence) => out.push(fence.to_owned()),
        Block::Indented => out.push("```".to_owned()),
    }
    out.join("\n")
}

/// The marks of lists and quotations at the beginning of a line, and what is behind them.
fn marked(text: &str) -> (String, &str) {
    let (mut mark, mut rest) = (String::new(), text);
    while let Some((one, behind)) = rest.split_once(' ').filter(|(one, _)| one.starts_with('>') || is_list_item(rest)) {
        mark.push_str(one);
        mark.push(' ');
        rest = behind.trim_start();
    }
    (mark, rest)
}

fn is_fence(text: &str, fence: &str) -> bool {
    text.strip_prefix(fence).is_some_and(|info| fence == "~~~" || !info.contains('`'))
}

fn is_list_item(text: &str) -> bool {
    let bullet = text.strip_prefix(['-', '*', '+']);
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')']);
    bullet
        .or(number.filter(|_| text.starts_with(|c: char| c.is_ascii_digit())))
        .is_some_and(|rest| rest.starts_with(' '))
}

/// The paragraph as one text, and none afterwards.
fn escaped(paragraph: &mut Vec<String>) -> Option<String> {
    let text = std::mem::take(paragraph).join("\n");
    (!text.is_empty()).then(|| escape(&text))
}

/// Leaves code, links and what is escaped as they are; escapes HTML and other brackets; makes URLs links.
fn escape(text: &str) -> String {
    let (mut out, mut rest, mut word) = (String::new(), text, false);
    while let Some(c) = rest.chars().next() {
        let verbatim = match c {
            '`' => code_span(rest),
            '\\' => rest.chars().nth(1).filter(char::is_ascii_punctuation).map(|_| 2),
            '<' if rest.starts_with("<http") => rest.find('>').map(|end| end + 1),
            ']' if rest.starts_with("](") => rest.find(')').map(|end| end + 1),
            _ => None,
        };
        let url = if word || verbatim.is_some() { None } else { url(rest) };
        let length = verbatim.or(url).unwrap_or(c.len_utf8());
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let link = || {
            let (text, target) = rest.get(1..)?.split_once("](")?;
            let (target, _) = target.split_once(')')?;
            (!text.contains('[') && !target.contains(char::is_whitespace)).then_some(())
        };
        match c {
            _ if url.is_some() => out.push_str(&format!("<{piece}>")),
            _ if verbatim.is_some() => out.push_str(piece),
            '<' => out.push_str("\\<"),
            '[' if link().is_none() => out.push_str("\\["),
            _ => out.push_str(piece),
        }
        (rest, word) = (after, c.is_alphanumeric());
    }
    out
}

/// The length of the code that begins here, with its backticks, if it ends.
fn code_span(text: &str) -> Option<usize> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let mut from = ticks;
    while let Some(start) = text.get(from..)?.find('`') {
        let run = text.get(from + start..)?;
        let length = run.len() - run.trim_start_matches('`').len();
        from += start + length;
        if length == ticks {
            return Some(from);
        }
    }
    // It stays a backtick, or several.
    Some(ticks)
}

/// The length of the URL that begins here, without the punctuation of its sentence.
fn url(text: &str) -> Option<usize> {
    ["http://", "https://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let end = text.find(|c: char| c.is_whitespace() || "<>()[]`\"'".contains(c)).unwrap_or(text.len());
    text.get(..end).map(|url| url.trim_end_matches(['.', ',', ';', ':', '!', '?']).len())
}

/// Nothing, if there is nothing to say.
pub fn doc(text: &str) -> Option<TokenStream> {
    (!text.is_empty()).then(|| quote!(#[doc = #text]))
}

pub fn deprecated(deprecated: bool) -> Option<TokenStream> {
    deprecated.then(|| quote!(#[deprecated]))
}
