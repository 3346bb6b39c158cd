//! Who the access token acts for.

use canva_connect::UserCapability;
use canva_simulator::{Access, Simulator};

use crate::support::{self, http, once, script};

#[tokio::test]
async fn the_user_is_known_without_a_scope_and_their_name_with_one() {
    let simulator = Simulator::builder()
        .access(Access::new("bare").scopes(["asset:read"]).user("oAna", "oTeam"))
        .access(Access::new("whole").user("oAna", "oTeam"))
        .start()
        .await
        .unwrap();
    let canva = |token: &str| support::builder(simulator.base_url()).token(token).build().unwrap();
    let user = canva("bare").users_me().await.unwrap();
    assert_eq!((user.user_id.as_str(), user.team_id.as_str()), ("oAna", "oTeam"));
    assert!(canva("whole").get_user_profile().await.unwrap().display_name.is_some());
    let error = canva("bare").get_user_profile().await.unwrap_err();
    assert!(error.report().contains("profile:read"), "{}", error.report());
}

#[tokio::test]
async fn what_the_user_may_use_is_a_list_also_when_canva_names_nothing() {
    let some = r#"{"capabilities":["autofill","time_travel"]}"#;
    let responses = [some, r#"{"capabilities":[]}"#, "{}"].map(|body| http("200 OK", "", body));
    let (base_url, _seen) = script(responses.to_vec()).await;
    let canva = once(&base_url);
    let known = canva.get_user_capabilities().await.unwrap();
    assert_eq!(known, [UserCapability::Autofill, UserCapability::Unknown("time_travel".to_owned())]);
    for _ in 0..2 {
        assert_eq!(canva.get_user_capabilities().await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_the_user_may_use_needs_a_scope() {
    let bare = Access::new("bare").scopes(["asset:read"]);
    let simulator = Simulator::builder().access(bare).start().await.unwrap();
    let canva = support::builder(simulator.base_url()).token("bare").build().unwrap();
    let error = canva.get_user_capabilities().await.unwrap_err();
    assert!(error.report().ends_with("the token needs profile:read"), "{}", error.report());
}
