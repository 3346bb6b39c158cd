//! Who the access token acts for.

use canva_simulator::{Access, Simulator};

use crate::support;

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
