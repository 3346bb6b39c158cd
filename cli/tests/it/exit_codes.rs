//! The exit code tells a script what kind of end it was, and of several ends the one that matters most.

use serde_json::json;

use crate::common::{Response, Stub};

const DONE: &str = r#"{"asset":{"id":"A1","name":"n","created_at":1,"updated_at":1}}"#;

#[test]
fn the_worst_of_several_ends_is_the_exit_code() {
    let done = || Response::Json(200, DONE);
    let failed = || Response::Json(404, r#"{"code":"asset_not_found","message":"m"}"#);
    let unknown = || Response::Json(501, r#"{"code":"not_implemented","message":"m"}"#);
    let logged_out = || Response::Json(401, r#"{"code":"invalid_access_token","message":"m"}"#);
    let job = |status| {
        let job =
            json!({ "job": { "id": "J1", "status": status, "error": { "code": "import_failed", "message": "m" } } });
        Response::Json(200, job.to_string().leak())
    };
    let update = &["update", "A1", "--name", "n"][..];
    let delete = &["delete", "A1", "A2"][..];
    let jobs = &["job", "--kind", "import", "J1", "J2", "J3", "J4"][..];
    let cases = [
        (update, vec![done()], 0),
        (&["job", "--kind", "import", "J1"], vec![job("in_progress")], 0),
        (update, vec![failed()], 1),
        (&["delete", "A1", "a/b"], vec![Response::Json(204, "")], 1),
        (&["job", "--kind", "import", "J1"], vec![job("failed")], 1),
        (delete, vec![failed(), logged_out()], 3),
        (delete, vec![logged_out(), Response::Json(204, "")], 3),
        (jobs, vec![job("in_progress"), unknown(), job("failed"), job("in_progress")], 4),
        (jobs, vec![job("in_progress"), unknown(), logged_out(), job("failed")], 3),
    ];
    for (command, responses, code) in cases {
        let ran = Stub::start(responses).run(["--json"].into_iter().chain(command.iter().copied()));
        assert_eq!(ran.code, Some(code), "{command:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json().iter().any(|item| item["status"] == "unknown"), code >= 3 && command[0] == "job");
    }
}
