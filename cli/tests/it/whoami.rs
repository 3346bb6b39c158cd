//! `canva whoami` tells who a token acts for, with the scopes that it has.

use crate::common::{Response, SimulatorProcess, Stub, assert_prints, run, simulated};
use serde_json::json;

#[test]
fn it_prints_the_name_and_the_ids() {
    assert_prints!(simulated(["whoami"]).succeeded(), @"
    name       oSimulatedUser
    user       oSimulatedUser
    team       oSimulatedTeam
    ");
    assert_prints!(simulated(["--json", "whoami"]).succeeded(), @r#"{"capabilities":[],"display_name":"oSimulatedUser","status":"success","team_id":"oSimulatedTeam","user_id":"oSimulatedUser"}"#);
}

#[test]
fn it_prints_what_the_user_may_use() {
    let responses = || {
        let user = r#"{"team_user":{"user_id":"u","team_id":"t"}}"#;
        let capabilities = r#"{"capabilities":["autofill","time_travel"]}"#;
        [user, r#"{"profile":{}}"#, capabilities].map(|body| Response::Json(200, body)).into()
    };
    assert_eq!(
        Stub::start(responses()).run(["whoami"]).succeeded(),
        "user       u\nteam       t\nmay use    autofill, time_travel\n"
    );
    let item = &Stub::start(responses()).run(["--json", "whoami"]).json()[0];
    assert_eq!(item["capabilities"], json!(["autofill", "time_travel"]));
}

#[test]
fn a_token_that_gives_no_more_gives_the_ids() {
    let simulator = SimulatorProcess::with(["--scopes", "asset:read"]);
    let ran = simulator.run(["whoami"]);
    assert_eq!(ran.code, Some(0));
    assert_prints!(ran.stdout, @"
    user       oSimulatedUser
    team       oSimulatedTeam
    ");
    assert_eq!(ran.stderr, "canva: the name, and what the user may use, need a token with the scope profile:read\n");

    let ran = simulator.run(["--json", "whoami"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(0), 1));
    assert_prints!(ran.stdout, @r#"{"capabilities":null,"display_name":null,"status":"success","team_id":"oSimulatedTeam","user_id":"oSimulatedUser"}"#);
}

#[test]
fn a_token_of_no_one_is_a_failure() {
    let simulator = SimulatorProcess::start();
    let mut command = simulator.command(["--json", "whoami"]);
    command.env("CANVA_ACCESS_TOKEN", "expired");
    let ran = run(command);
    assert_eq!(ran.code, Some(3));
    let item = &ran.json()[0];
    assert_eq!(json!([item["status"], item["error"]["code"]]), json!(["failed", "invalid_access_token"]));
    assert!(ran.stderr.starts_with("canva: whoami: Canva answered 401 "), "{}", ran.stderr);
}
