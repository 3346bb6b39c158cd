//! docs/architecture.md draws the rooms of `src/` as they are, and they use each other only in the order that it gives.

use std::collections::{BTreeSet, HashMap};
use std::fs;

fn document() -> String {
    fs::read_to_string("docs/architecture.md").unwrap()
}

/// The folders and files of a folder, as the diagram calls them.
fn entries(folder: &str) -> Vec<String> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let slash = if entry.path().is_dir() { "/" } else { "" };
        entry.file_name().into_string().unwrap() + slash
    };
    fs::read_dir(folder).unwrap().map(entry).collect()
}

/// The rank of each room: a room uses only rooms of lower ranks.
fn order() -> HashMap<String, usize> {
    let document = document();
    let lines: Vec<&str> = document.lines().filter(|line| line.starts_with("    ") && line.contains(" <")).collect();
    let order = lines.join("");
    let ranks = order.split('<').enumerate();
    ranks.flat_map(|(rank, rooms)| rooms.split(',').map(move |room| (room.trim().to_owned(), rank))).collect()
}

#[test]
fn the_diagram_shows_every_room_and_no_other() {
    let document = document();
    let labels = document.split("[\"").skip(1).map(|rest| rest.split(['<', '"']).next().unwrap());
    let shown: BTreeSet<String> = labels.filter(|label| *label != "for all of them").map(str::to_owned).collect();
    let send = entries("src/send").into_iter().filter(|name| name != "mod.rs").map(|name| format!("send/{name}"));
    let rooms: BTreeSet<String> = entries("src").into_iter().chain(send).chain(["generated/".to_owned()]).collect();
    assert_eq!(shown, rooms);
}

#[test]
fn rooms_depend_on_each_other_in_the_documented_order() {
    let (document, order) = (document(), order());
    for line in document.lines().filter(|line| line.contains("-->")) {
        let rooms: Vec<&str> = line.split("-->").map(str::trim).collect();
        for arrow in rooms.windows(2) {
            let ranks = (order.get(arrow[0]), order.get(arrow[1]));
            assert!(!matches!(ranks, (Some(from), Some(to)) if from <= to), "{arrow:?} points upwards");
        }
    }
    for (room, rank) in &order {
        let folder = format!("src/{room}");
        let files = match fs::exists(&folder).unwrap() {
            true => entries(&folder).into_iter().map(|name| format!("{folder}/{name}")).collect(),
            false => vec![format!("{folder}.rs")],
        };
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
            for used in code.flat_map(|line| line.split("crate::").skip(1)) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let below = used == room || order.get(used).is_some_and(|used| used < rank);
                assert!(below || used == "generated", "{file} uses crate::{used}, which isn't below {room}");
            }
        }
    }
}
