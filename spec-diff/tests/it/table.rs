//! What the report says of each kind of change.

use std::fmt::Write;

use serde_json::{Value, json};
use spec_diff::{Spec, compare};

use crate::edits::{Edit, edits};
use crate::edits_both_ways::edits_both_ways;
use crate::{TABLE, value};

#[test]
fn each_kind_of_change_is_judged_as_callers_feel_it() {
    let old = value(TABLE);
    let edited = |edits: Vec<Edit>| {
        let mut new = old.clone();
        edits.iter().for_each(|edit| edit.apply(&mut new));
        new
    };
    let mut table = String::new();
    for (title, edits) in edits() {
        table += &row(title, &old, &edited(edits));
    }
    for (title, back, edits) in edits_both_ways() {
        let new = edited(edits);
        table += &row(title, &old, &new);
        table += &row(back, &new, &old);
    }
    insta::assert_snapshot!("each_kind_of_change", table);
}

fn row(title: &str, old: &Value, new: &Value) -> String {
    let mut row = format!("## {title}\n");
    let spec = |name, value: &Value| Spec::parse(name, &value.to_string()).unwrap();
    let report = compare(&spec("old", old), &spec("new", new)).text(false);
    let lines = report.lines().skip(2).filter(|line| !line.is_empty());
    lines.for_each(|line| writeln!(row, "   {line}").unwrap());
    row + "\n"
}

#[test]
fn another_order_or_comment_is_one_editorial_line() {
    let old = Spec::parse("old", TABLE).unwrap();
    let report = compare(&old, &Spec::parse("new", &format!("# a comment\n{TABLE}")).unwrap());
    assert_eq!(
        report.text(true),
        "old -> new: 0 breaking, 0 additive, 1 editorial\n\nthe document\n  editorial  order, layout or comments changed, \
         and nothing else\n             new:1 #\n"
    );
    assert_eq!(compare(&old, &old).text(true), "old -> old: no change\n");
}

#[test]
fn the_words_of_a_spec_stay_words_in_a_comment() {
    let old = Spec::parse("old", TABLE).unwrap();
    let mut value = value(TABLE);
    Edit::Set("/components/schemas/Kind/enum/-", json!("a|b\n## @all")).apply(&mut value);
    let comment = compare(&old, &Spec::parse("new", &value.to_string()).unwrap()).markdown();
    assert!(comment.contains("| additive | may also be `a\\|b\\n## @all` | `new:1` |\n"), "{comment}");
}
