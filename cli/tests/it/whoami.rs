//! `canva whoami` tells who a token acts for, with the scopes that it has.

use crate::common::{SimulatorProcess, assert_prints, run, simulated};
use serde_json::json;

#[test]
fn it_prints_the_name_and_the_ids() {
    assert_prints!(simulated(["whoami"]).succeeded(), @"
    name       oSimulatedUser
    user       oSimulatedUser
    team       oSimulatedTeam
    ");
    assert_prints!(simulated(["--json", "whoami"]).succeeded(), @r#"{"display_name":"oSimulatedUser","status":"success","team_id":"oSimulatedTeam","user_id":"oSimulatedUser"}"#);
}

#[test]
fn a_token_that_does_not_give_the_name_gives_the_ids() {
    let simulator = SimulatorProcess::with(["--scopes", "asset:read"]);
    let ran = simulator.run(["whoami"]);
    assert_eq!(ran.code, Some(0));
    assert_prints!(ran.stdout, @"
    user       oSimulatedUser
    team       oSimulatedTeam
    ");
    assert_eq!(ran.stderr, "canva: the name needs a token with the scope profile:read\n");

    let ran = simulator.run(["--json", "whoami"]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(0), 1));
    assert_prints!(ran.stdout, @r#"{"display_name":null,"status":"success","team_id":"oSimulatedTeam","user_id":"oSimulatedUser"}"#);
}

#[test]
fn a_token_of_no_one_is_a_failure() {
    let simulator = SimulatorProcess::start();
    let mut command = simulator.command(["--json", "whoami"]);
    command.env("CANVA_ACCESS_TOKEN", "expired");
    let ran = run(command);
    assert_eq!(ran.code, Some(1));
    let item = &ran.json()[0];
    assert_eq!(json!([item["status"], item["error"]["code"]]), json!(["failed", "invalid_access_token"]));
    assert!(ran.stderr.starts_with("canva: whoami: Canva answered 401 "), "{}", ran.stderr);
}
