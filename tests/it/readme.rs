//! README lists the operations as the spec has them.

use std::fmt::Write;

use canva_connect::operations::ALL;

use crate::support;

#[test]
fn it_has_every_operation() {
    let mut table = String::from("| operation | method and path | scope | requests a minute |\n|---|---|---|---|\n");
    for operation in ALL {
        let preview = if operation.preview { " (preview)" } else { "" };
        let scopes = operation.scopes.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(", ");
        let limit = operation.requests_per_minute.map_or(String::new(), |limit| limit.to_string());
        let (id, method, path) = (operation.id, operation.method, operation.path);
        writeln!(table, "| `{id}`{preview} | `{method} {path}` | {scopes} | {limit} |").unwrap();
    }
    support::check_table("README.md", "operations", &table);
}
