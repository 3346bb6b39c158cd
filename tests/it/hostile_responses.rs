//! Whatever a hostile server answers, each operation ends in its time, in a success or in a typed error that doesn't
//! show the token; nothing goes to another server; and the next request gets its own response.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use canva_connect::Error;
use tokio::io::AsyncReadExt;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use crate::support::{
    self, UPDATED,
    hostile::{self, Ends},
};

/// Gives each of them to each operation, and says what that came to.
async fn outcomes(cases: Vec<hostile::Hostile>) -> String {
    let (at_once, mut all) = (Arc::new(Semaphore::new(32)), JoinSet::new());
    for (number, case) in cases.into_iter().enumerate() {
        let (name, ends) = (case.name.clone(), case.ends);
        let base_url = hostile::serve(case).await;
        let at_once = at_once.clone();
        all.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            let canva = hostile::client(&base_url, ends);
            let mut outcomes = Vec::new();
            for operation in hostile::OPERATIONS {
                let outcome = tokio::time::timeout(Duration::from_secs(900), hostile::meet(&canva, operation)).await;
                let outcome = outcome.unwrap_or_else(|_| panic!("{name}: {operation} hangs"));
                outcomes.push(format!("{operation}: {outcome}"));
                let next = loop {
                    match canva.get_asset("honest").await {
                        // Where the timeout is short, a busy machine may need longer.
                        Err(Error::Timeout { .. }) if ends == Ends::ResponseTimeout => {}
                        // It was sent on the connection that the server was just closing.
                        Err(Error::Connection { .. }) => {}
                        next => break next.unwrap_or_else(|e| panic!("{name}, after {operation}: {e}")),
                    }
                };
                assert_eq!(next.id, "honest", "{name}, after {operation}");
            }
            (outcomes.join(", "), number, name)
        });
    }
    let mut rows = all.join_all().await;
    rows.sort();
    let mut table = String::new();
    for same in rows.chunk_by(|one, other| one.0 == other.0) {
        writeln!(table, "{}", same[0].0).unwrap();
        for (_, _, name) in same {
            writeln!(table, "  {name}").unwrap();
        }
    }
    table
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_in_a_result_and_spoils_nothing_after_it() {
    let (elsewhere, elsewhere_url) = support::listen().await;
    insta::assert_snapshot!("hostile_responses", outcomes(hostile::responses(&elsewhere_url)).await);
    let nobody = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(nobody.is_err(), "a request went to another server");
}

#[tokio::test]
async fn a_response_that_comes_unasked_is_not_taken_for_the_next_requests() {
    let (listener, base_url) = support::listen().await;
    let ((unasked, go_on), (answered, hung_up)) = (oneshot::channel(), oneshot::channel());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        support::read_head(&mut stream).await.unwrap();
        support::answer(&mut stream, "200 OK", "", UPDATED).await.unwrap();
        go_on.await.unwrap();
        support::answer(&mut stream, "200 OK", "", &UPDATED.replace("a1", "unasked")).await.unwrap();
        // The client hangs up.
        while stream.read(&mut [0; 100]).await.is_ok_and(|n| n > 0) {}
        answered.send(()).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        support::read_head(&mut stream).await.unwrap();
        support::answer(&mut stream, "200 OK", "", &UPDATED.replace("a1", "a2")).await.unwrap();
    });
    let canva = hostile::client(&base_url, Ends::Itself);
    assert_eq!(canva.get_asset("a1").await.unwrap().id, "a1");
    unasked.send(()).unwrap();
    hung_up.await.unwrap();
    assert_eq!(canva.get_asset("a2").await.unwrap().id, "a2");
    server.await.unwrap();
}
