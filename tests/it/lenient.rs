//! What isn't quite what the spec says and means the same is read all the same, in every generated type; and where the
//! rest of a response can't be read, the job that it tells of isn't lost.

use canva_connect::generated::types::AssetUploadMetadata;
use canva_connect::{Error, ErrorKind, RetryPolicy};
use serde_json::{Value, json};

use crate::support::{UPDATED, UPLOADED, builder, everything, http, once, script};
use crate::types;

/// A value with every property, whose lists are null and whose integers have a point; and what is read of it.
fn loose(spec: &Value, schema: &Value) -> (Value, Value) {
    if let Some(target) = schema["$ref"].as_str() {
        return loose(spec, spec.pointer(target.trim_start_matches('#')).unwrap());
    }
    if schema["oneOf"].is_array() {
        let (value, ty) = types::variants(schema).next().unwrap();
        let (mut came, mut read) = loose(spec, &types::schema(spec, ty));
        for object in [&mut came, &mut read] {
            object[schema["discriminator"]["propertyName"].as_str().unwrap()] = value.clone().into();
        }
        return (came, read);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().unwrap().iter().map(|(name, schema)| {
                let (came, read) = loose(spec, schema);
                ((name.clone(), came), (name.clone(), read))
            });
            let (came, mut read): (_, serde_json::Map<_, _>) = fields.unzip();
            // A list that may be null is none then.
            read.retain(|name, read| read != &json!([]) || schema["properties"][name]["nullable"] != true);
            (Value::Object(came), read.into())
        }
        Some("array") => (Value::Null, json!([])),
        Some("integer") => (json!(595.0), json!(595)),
        _ => (json!("x"), json!("x")),
    }
}

#[test]
fn every_response_takes_null_for_a_list_and_a_point_in_an_integer() {
    let spec = types::spec();
    let requests = types::request_types(&spec);
    for ty in types::ALL.iter().filter(|ty| !requests.contains(ty.name)) {
        let (came, read) = loose(&spec, &types::schema(&spec, ty.name));
        assert_eq!((ty.round_trip)(&came).map_err(|e| e.to_string()), Ok(read), "{}", ty.name);
    }
}

#[tokio::test]
async fn no_other_number_is_taken_for_an_integer() {
    let asset =
        |time: &str| http("200 OK", "", &UPDATED.replace(r#""created_at":1"#, &format!(r#""created_at":{time}"#)));
    for (time, read) in [("595.0", 595), ("-0.0", 0), ("1.5e3", 1500), ("-9007199254740992.0", -9_007_199_254_740_992)]
    {
        let (base_url, _) = script(vec![asset(time)]).await;
        assert_eq!(once(&base_url).get_asset("a1").await.unwrap().created_at, read);
    }
    for time in ["595.5", "1e300", "-1e-3", "9223372036854775808", "9223372036854775808.0", "\"595\"", "null"] {
        let (base_url, _) = script(vec![asset(time)]).await;
        let error = once(&base_url).get_asset("a1").await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{time}: {error:?}");
    }
}

/// The response to a request that creates a job, whose asset has no name.
fn nameless() -> String {
    http("200 OK", "", &UPLOADED.replace(r#""name":"n","#, ""))
}

#[tokio::test]
async fn a_job_is_read_where_the_response_that_created_it_has_its_id_alone() {
    let (base_url, mut seen) = script(vec![nameless(), http("200 OK", "", UPLOADED)]).await;
    let mut job = once(&base_url).upload_asset(vec![1]).name("n").await.unwrap();
    assert_eq!((job.id(), job.state()), ("j1", None));
    assert_eq!(job.wait().await.unwrap().id, "a1");
    seen.recv().await.unwrap();
    assert!(seen.recv().await.unwrap().0.text.starts_with("GET /rest/v1/asset-uploads/j1 "));

    let (base_url, _) = script(vec![nameless(), nameless()]).await;
    let error = once(&base_url).upload_asset(vec![1]).name("n").await.unwrap().wait().await.unwrap_err();
    assert_eq!((error.job_id(), error.status().unwrap().as_u16()), (Some("j1"), 200));
    assert_eq!(error.kind(), ErrorKind::JobPending);

    // The generated operation makes no job of it; its error has the id.
    let (base_url, _) = script(vec![nameless()]).await;
    let metadata = AssetUploadMetadata { name_base64: "bg==".to_owned() };
    let error = once(&base_url).generated().create_asset_upload_job(&metadata, vec![1]).await.unwrap_err();
    assert_eq!((error.job_id(), error.status().unwrap().as_u16()), (Some("j1"), 200));
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test]
async fn the_id_of_a_job_shows_no_token() {
    let token = "s3cr3tt0k3n";
    let (base_url, _) = script(vec![nameless().replace("\"j1\"", &format!("\"{token}\""))]).await;
    let canva = builder(&base_url).token(token).retry_policy(RetryPolicy::never()).build().unwrap();
    let error = canva.upload_asset(vec![1]).name("n").await.unwrap_err();
    assert!(error.job_id().is_none() && !everything(&error).contains(token), "{error:?}");
}

#[tokio::test]
async fn a_job_whose_id_nobody_can_ask_for_may_or_may_not_be_there() {
    let (base_url, _) = script(vec![nameless().replace("\"j1\"", "\"./\"")]).await;
    let error = once(&base_url).upload_asset(vec![1]).name("n").await.unwrap_err();
    assert!(
        matches!(&error, Error::OutcomeUnknown { source, .. } if matches!(**source, Error::Decode { .. })),
        "{error:?}"
    );
}
