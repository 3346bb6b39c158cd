//! The reason of a refusal says in one sentence what was wrong, and what would be right.

use canva_simulator::{Access, Simulator};
use reqwest::Method;

use crate::common::{because, by, request};

#[tokio::test]
async fn a_missing_scope_is_named_beside_those_that_the_token_has() {
    let reader = Access::new("reader").scopes(["asset:read", "folder:read"]);
    let none = Access::new("none").scopes(Vec::<String>::new());
    let simulator = Simulator::builder().access(reader).access(none).start().await.unwrap();
    for (token, has) in [("reader", "asset:read folder:read"), ("none", "no scope")] {
        let delete = by(token, request(&simulator, Method::DELETE, "/v1/assets/none"));
        let reason = format!("The operation needs asset:write, and the token has {has}.");
        assert_eq!(because(delete, &reason).await, (403, "missing_scope".into()));
    }
}
