//! Users of one simulator keep to themselves.

use std::io::ErrorKind;
use std::time::Duration;

use canva_simulator::{Access, Simulator};

use crate::common::{because, by, client, fixture, import, ok, read, refused, upload};

#[tokio::test]
async fn each_user_has_assets_designs_and_jobs_of_their_own() {
    let simulator = Simulator::builder().job_duration(Duration::ZERO).start().await.unwrap();
    let (anna, ben) = (simulator.authorize_as("anna"), simulator.authorize_as("ben"));
    let uploaded = ok(by(&anna, upload(&simulator, "Anna's", fixture("photo.jpg")))).await;
    ok(by(&anna, import(&simulator, "Deck", None, fixture("deck.pdf")))).await;
    ok(upload(&simulator, "Mine", fixture("photo.jpg"))).await;
    let names = |user| simulator.assets_of(user).into_iter().map(|asset| asset.name).collect::<Vec<_>>();
    assert_eq!((names("anna"), names("ben")), (vec!["Anna's".to_owned()], vec![]));
    assert_eq!(simulator.assets().into_iter().map(|asset| asset.name).collect::<Vec<_>>(), ["Mine"]);
    assert_eq!((simulator.designs_of("anna").len(), simulator.designs().len()), (1, 0));
    assert_eq!(simulator.assets_of("anna")[0].owner.user_id, "anna");

    let asset = &simulator.assets_of("anna")[0].id;
    let (job, asset) = (uploaded["job"]["id"].as_str().unwrap(), format!("{}/v1/assets/{asset}", simulator.base_url()));
    let job = format!("{}/v1/asset-uploads/{job}", simulator.base_url());
    for stranger in [&ben, simulator.token()] {
        assert_eq!(refused(by(stranger, client().get(&job))).await, (403, "permission_denied".into()));
        for request in
            [client().get(&asset), client().delete(&asset), client().patch(&asset).json(&serde_json::json!({}))]
        {
            assert_eq!(refused(by(stranger, request)).await, (403, "permission_denied".into()));
        }
    }
    // Any token of hers will do.
    let again = simulator.authorize_as("anna");
    assert_ne!(again, anna);
    ok(by(&again, client().get(&job))).await;
    assert_eq!(by(&again, client().delete(&asset)).send().await.unwrap().status(), 204);
    assert_eq!((simulator.trash_of("anna").len(), simulator.trash().len(), names("anna").len()), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_users_token_ends_and_the_next_one_works() {
    let simulator = Simulator::start().await.unwrap();
    let asset = |token: &str| refused(by(token, client().get(format!("{}/v1/assets/none", simulator.base_url()))));
    let anna = simulator.authorize_as("anna");
    assert_eq!(asset(&anna).await.0, 404);
    tokio::time::advance(Duration::from_secs(4 * 60 * 60)).await;
    assert_eq!(asset(&anna).await, (401, "invalid_access_token".into()));
    assert_eq!(asset(&simulator.authorize_as("anna")).await.0, 404);
}

#[tokio::test]
async fn a_user_has_the_scopes_of_the_integration() {
    let simulator = Simulator::builder().scopes(["asset:read"]).start().await.unwrap();
    let anna = simulator.authorize_as("anna");
    let url = format!("{}/v1/assets/none", simulator.base_url());
    assert_eq!(refused(by(&anna, client().get(&url))).await, (404, "asset_not_found".into()));
    assert_eq!(refused(by(&anna, client().delete(&url))).await, (403, "missing_scope".into()));
}

#[tokio::test]
async fn a_token_says_whose_it_is_and_needs_no_scope_for_it() {
    let access = Access::new("token").user("anna", "her team").scopes(Vec::<String>::new());
    let simulator = Simulator::builder().access(access).start().await.unwrap();
    let me = ok(read(&simulator, "/v1/users/me")).await;
    assert_eq!(me, serde_json::json!({ "team_user": { "user_id": "anna", "team_id": "her team" } }));
    assert_eq!(refused(read(&simulator, "/v1/users/me/profile")).await, (403, "missing_scope".into()));
}

#[tokio::test]
async fn a_user_has_no_capabilities() {
    let simulator = Simulator::start().await.unwrap();
    let capabilities = ok(read(&simulator, "/v1/users/me/capabilities")).await;
    assert_eq!(capabilities, serde_json::json!({ "capabilities": [] }));
}

#[tokio::test]
async fn a_users_name_is_their_id() {
    let simulator = Simulator::start().await.unwrap();
    let profile = ok(by(&simulator.authorize_as("anna"), read(&simulator, "/v1/users/me/profile"))).await;
    assert_eq!(profile, serde_json::json!({ "profile": { "display_name": "anna" } }));
}

#[tokio::test(start_paused = true)]
async fn a_token_can_be_made_with_scopes_and_a_lifetime_expired_and_revoked() {
    let simulator = Simulator::start().await.unwrap();
    let url = format!("{}/v1/assets/none", simulator.base_url());
    let get = |token: &str| by(token, client().get(&url));
    let minute = Duration::from_secs(60);
    let state = |number: usize| simulator.tokens()[number]["state"].clone();
    let reader = simulator.token_for("anna", ["asset:read"], minute).unwrap();
    assert_eq!(refused(get(&reader)).await.0, 404);
    assert_eq!(refused(by(&reader, client().delete(&url))).await, (403, "missing_scope".into()));
    let listed = &simulator.tokens()[1];
    assert_eq!(
        (&listed["user"], &listed["scopes"], &listed["kind"]),
        (&"anna".into(), &"asset:read".into(), &"access".into())
    );
    assert_eq!(listed["expires_at"].as_i64().unwrap() - listed["issued_at"].as_i64().unwrap(), 60);
    assert!(reader.ends_with(listed["token"].as_str().unwrap().trim_start_matches('…')));
    assert!(listed["token"].as_str().unwrap().chars().count() < 10);
    tokio::time::advance(minute).await;
    assert_eq!(because(get(&reader), "expired 0 s ago").await, (401, "invalid_access_token".into()));
    assert_eq!(state(1), "expired");

    simulator.expire(simulator.token()).unwrap();
    assert_eq!(because(get(simulator.token()), "expired 0 s ago").await, (401, "invalid_access_token".into()));
    let ben = simulator.authorize_as("ben");
    simulator.revoke(&ben).unwrap();
    assert_eq!(because(get(&ben), "was revoked").await, (401, "revoked_access_token".into()));
    assert_eq!((state(0), state(2)), ("expired".into(), "revoked".into()));

    let kind = |refused: std::io::Result<_>| refused.map(|_: String| ()).unwrap_err().kind();
    assert_eq!(kind(simulator.token_for("anna", ["asset:reed"], minute)), ErrorKind::InvalidInput);
    assert_eq!(simulator.expire("unknown").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(simulator.revoke("unknown").unwrap_err().kind(), ErrorKind::NotFound);
}
