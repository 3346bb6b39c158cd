//! `canva design` makes, copies, prints and lists designs.

use canva_simulator::Simulator;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::common::{Response, SimulatorProcess, Stub, against, assert_prints, run, simulated};

#[test]
fn new_prints_the_design_that_is_in_canva_now() {
    assert_prints!(simulated(["design", "new", "--type", "presentation", "--title", "Q4 🚀"]).succeeded(), @"
    presentation
      design     DESIGN
      title      Q4 🚀
      type       presentation
      pages      1
      edit       http://HOST/design/DESIGN/edit
    ");
    assert_prints!(simulated(["--json", "design", "new", "--size", "40x8000"]).succeeded(), @r#"{"design_type":"40x8000","status":"success","design":{"created_at":TIME,"design_types":["custom"],"id":"DESIGN","owner":{"team_id":"oSimulatedTeam","user_id":"oSimulatedUser"},"page_count":1,"updated_at":TIME,"urls":{"edit_url":"http://HOST/design/DESIGN/edit","view_url":"http://HOST/design/DESIGN/view"}}}"#);
}

/// The body of the request that a command sends, and what it prints of what it was given.
#[test]
fn a_design_is_made_of_what_is_given() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().start()).unwrap();
    let doc = json!({ "type": "preset", "name": "doc" });
    let size = json!({ "type": "custom", "width": 1080, "height": 1920 });
    let cases: [(&[&str], Value, Value); 6] = [
        (
            &["new", "--type", "doc", "--title", "t"],
            json!({ "type": "type_and_asset", "design_type": doc, "title": "t" }),
            json!({ "design_type": "doc" }),
        ),
        (
            &["new", "--size", "1080x1920", "--asset", "A1"],
            json!({ "type": "type_and_asset", "design_type": size, "asset_id": "A1" }),
            json!({ "design_type": "1080x1920" }),
        ),
        (&["new", "--asset", "A1"], json!({ "type": "type_and_asset", "asset_id": "A1" }), json!({ "asset_id": "A1" })),
        (&["copy", "D1"], json!({ "type": "design", "design_id": "D1" }), json!({ "design_id": "D1" })),
        (
            &["copy", "D1", "--pages", "1,3"],
            json!({ "type": "design", "design_id": "D1", "page_numbers": [1, 3] }),
            json!({ "design_id": "D1" }),
        ),
        (
            &["copy-template", "B1", "--pages", "2"],
            json!({ "type": "brand_template", "brand_template_id": "B1", "page_numbers": [2] }),
            json!({ "brand_template_id": "B1" }),
        ),
    ];
    for (options, body, named) in cases {
        let ran = run(against(&simulator, ["--json", "design"].into_iter().chain(options.iter().copied())));
        let sent = simulator.requests().pop().unwrap().body;
        assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), body, "{options:?}");
        for (key, value) in named.as_object().unwrap() {
            assert_eq!(&ran.json()[0][key], value, "{options:?}");
        }
    }
}

#[test]
fn a_design_is_copied_and_read() {
    let simulator = SimulatorProcess::start();
    let deck = simulator.json(["import", "deck.pdf"])["designs"][0]["id"].as_str().unwrap().to_owned();
    assert_prints!(simulator.run(["design", "copy", &deck, "--pages", "2"]).succeeded(), @"
    DESIGN
      design     DESIGN
      title      deck
      type       custom
      pages      1
      edit       http://HOST/design/DESIGN/edit
    ");
    let got = simulator.json(["design", "get", &deck]);
    assert_eq!(json!([got["design_id"], got["design"]["id"], got["design"]["page_count"]]), json!([deck, deck, 2]));
}

#[test]
fn a_design_that_is_not_there_is_a_failure_that_says_where_ids_are() {
    let ran = simulated(["--json", "design", "get", "nope"]);
    assert_eq!(ran.code, Some(1));
    assert_prints!(ran.stdout, @r#"{"design_id":"nope","status":"failed","error":{"code":"not_found","message":"Canva answered 404 Not Found not_found (request REQUEST): There is no such design; take the id from the design's URL in Canva, or from `canva design list`","http_status":404}}"#);
}

#[test]
fn what_canva_would_refuse_is_not_sent() {
    let stub = Stub::start(vec![]);
    let long = "é".repeat(256);
    let cases: [(&[&str], &str); 6] = [
        (&["new", "--size", "39x40"], "39x40: width: expected 40 to 8000 pixels, got 39; change --size\n"),
        (&["new", "--size", "40x8001"], "height: expected 40 to 8000 pixels, got 8001; change --size\n"),
        (
            &["new", "--type", "doc", "--title", &long],
            "title: expected 1 to 255 characters, got 256; choose another with --title\n",
        ),
        (&["copy", "D1", "--pages", "1,0"], "D1: pages: expected numbers from 1 on, got 0; change --pages\n"),
        (&["get", "a/b"], "got \"a/b\"; take the id from the design's URL in Canva, or from `canva design list`\n"),
        (&["list", &long], "query: expected at most 255 characters, got 256; correct it, then try again\n"),
    ];
    for (options, said) in cases {
        let ran = stub.run(["design"].into_iter().chain(options.iter().copied()));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        assert!(ran.stderr.ends_with(said), "{}", ran.stderr);
    }
    assert!(stub.requests().is_empty());
}

#[test]
fn a_line_has_id_types_time_and_title_between_tabs() {
    let design = |id: &str, types: Value| {
        json!({
            "id": id, "created_at": 0, "updated_at": 1_785_513_612, "design_types": types, "colors": ["red"],
            "owner": { "user_id": "u", "team_id": "t" }, "urls": { "edit_url": "e", "view_url": "v" },
        })
    };
    let mut named = design("D1", json!(["presentation"]));
    named["title"] = json!("a\tb");
    let page = json!({ "items": [named, design("D2", json!(["doc", "new"])), design("D3", json!([]))] }).to_string();
    let stub = || Stub::start(vec![Response::Json(200, page.clone().leak())]);
    let time = "2026-07-31T16:00:12Z";
    assert_eq!(
        stub().run(["design", "list"]).succeeded(),
        format!("D1\tpresentation\t{time}\ta\\tb\nD2\tdoc,new\t{time}\t-\nD3\t-\t{time}\t-\n")
    );
    let listed = stub().run(["--json", "design", "list"]).json();
    assert_eq!(listed[0], json!({ "status": "success", "design": named }));
    let listed = stub().run(["--json", "design", "list", "summer"]).json();
    assert_eq!(listed[0], json!({ "query": "summer", "status": "success", "design": named }));
}

#[test]
fn the_options_choose_what_canva_lists_and_in_which_order() {
    let runtime = Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::builder().start()).unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&[], "sort_by=modified_descending&limit=100"),
        (&["--reverse"], "sort_by=modified_ascending&limit=100"),
        (&["a b"], "query=a%20b&sort_by=relevance&limit=100"),
        (&["a", "--sort", "modified"], "query=a&sort_by=modified_descending&limit=100"),
        (&["--sort", "title"], "sort_by=title_ascending&limit=100"),
        (&["--sort", "title", "--reverse"], "sort_by=title_descending&limit=100"),
        (&["--owned"], "ownership=owned&sort_by=modified_descending&limit=100"),
        (&["--shared"], "ownership=shared&sort_by=modified_descending&limit=100"),
    ];
    for (options, _) in cases {
        run(against(&simulator, ["design", "list"].into_iter().chain(options.iter().copied()))).succeeded();
    }
    let queries: Vec<String> = simulator.requests().into_iter().map(|request| request.query).collect();
    assert_eq!(queries, cases.iter().map(|(_, query)| *query).collect::<Vec<_>>());
}

#[test]
fn no_more_designs_are_listed_than_the_limit() {
    let simulator = SimulatorProcess::start();
    for title in ["b", "a"] {
        simulator.run(["design", "new", "--type", "doc", "--title", title]).succeeded();
    }
    let listed = simulator.run(["design", "list", "--sort", "title", "--limit", "1"]).succeeded();
    assert!(listed.lines().count() == 1 && listed.ends_with("\ta\n"), "{listed}");
}

#[test]
fn a_listing_that_is_refused_is_a_failure() {
    let simulator = SimulatorProcess::with(["--scopes", "asset:read"]);
    let ran = simulator.run(["--json", "design", "list", "summer"]);
    let item = &ran.json()[0];
    assert_eq!(
        (ran.code, &item["query"], &item["error"]["code"]),
        (Some(1), &json!("summer"), &json!("missing_scope"))
    );
    assert!(simulator.run(["design", "list"]).stderr.starts_with("canva: designs: Canva answered 403 "));
}
