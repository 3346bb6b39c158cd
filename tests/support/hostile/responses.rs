//! Responses that no honest server gives.

use super::{Ends, Hostile, TOKEN, Then};

/// A response that every operation here takes for a success.
const GOOD: &str = r#"{"asset":{"id":"a1","name":"n","created_at":1,"updated_at":1},"job":{"id":"j1","status":"success","asset":{"id":"a1","name":"n","created_at":1,"updated_at":1}}}"#;

fn case(name: impl Into<String>, bytes: impl Into<Vec<u8>>, then: Then) -> Hostile {
    Hostile { name: name.into(), bytes: bytes.into(), then, ends: Ends::Itself }
}

/// It sends these bytes, and hangs up.
fn closes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Hostile {
    case(name, bytes, Then::Close)
}

/// It sends these bytes, and is there for the next request.
fn stays(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Hostile {
    case(name, bytes, Then::Stay)
}

/// It sends these bytes, which are no whole response, and no more.
fn silent(name: &str, bytes: impl Into<Vec<u8>>) -> Hostile {
    Hostile { ends: Ends::ResponseTimeout, ..case(name, bytes, Then::Stay) }
}

fn drips(name: &str, bytes: impl Into<Vec<u8>>, rest: &'static [u8]) -> Hostile {
    Hostile { ends: Ends::ResponseTimeout, ..case(name, bytes, Then::Drip(rest)) }
}

fn endless(name: &str, bytes: impl Into<Vec<u8>>, rest: &[u8]) -> Hostile {
    case(name, bytes, Then::Endless(rest.repeat(64 * 1024 / rest.len() + 1)))
}

/// A whole response with this body.
fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    response("200 OK", "content-type: application/json\r\n", body)
}

/// A success with this head and a body of its own accord.
fn head(lines: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}")
}

fn chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n", body.len())
}

/// What the client reads of a success at the most, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

fn padded(length: usize) -> Vec<u8> {
    [GOOD.as_bytes(), &vec![b' '; length - GOOD.len()]].concat()
}

fn job(fields: &str) -> Vec<u8> {
    ok(format!(r#"{{"job":{{{fields}}}}}"#))
}

/// All of them; some send the client to `elsewhere`.
pub fn responses(elsewhere: &str) -> Vec<Hostile> {
    let mut all = heads(elsewhere);
    all.extend(framing());
    all.extend(bodies());
    all.extend(jobs());
    all.extend(too_long());
    all
}

fn heads(elsewhere: &str) -> Vec<Hostile> {
    let elsewhere_host = elsewhere.trim_start_matches("http://").trim_end_matches("/rest");
    let mut all = vec![
        closes("nothing", ""),
        closes("random bytes", b"\x00\xff\xfe\x80\r\n\r\n\x07".to_vec()),
        closes("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x16".to_vec()),
        closes("an HTTP/2 frame", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec()),
        closes("the banner of a mail server", "220 mail.example ESMTP\r\n"),
        closes("a body without a head", GOOD),
        closes("half a status line", "HTTP/1.1 20"),
        closes("half a head", "HTTP/1.1 200 OK\r\ncontent-le"),
        closes("a head alone", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"),
        silent("no byte", ""),
        silent("half a head, and silence", "HTTP/1.1 200 OK\r\ncontent-le"),
        silent("a head, and silence", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"),
        drips("a head in drips", "HTTP/1.1 200 OK\r\nx: ", b"x"),
        drips("a body in drips", "HTTP/1.1 200 OK\r\n\r\n", b" "),
        endless("an endless status line", "HTTP/1.1 200 ", b"x"),
        endless("an endless header", "HTTP/1.1 200 OK\r\nx: ", b"x"),
        endless("endless headers", "HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        stays("10 000 headers", response("200 OK", &"x: y\r\n".repeat(10_000), GOOD)),
        stays("a header of 300 KB", response("200 OK", &format!("x: {}\r\n", "y".repeat(300_000)), GOOD)),
        stays("the token in the reason", response(&format!("500 {TOKEN}"), "", "")),
        stays("control characters in the reason", response("500 \x1b[2J\x07", "", "")),
        stays("a header without a name", response("200 OK", ": x\r\n", GOOD)),
        stays("a header without a colon", response("200 OK", "nonsense\r\n", GOOD)),
        stays("a space before the colon", response("200 OK", "content-length : 3\r\n", GOOD)),
        stays("NUL in a header", response("200 OK", "x: a\0b\r\n", GOOD)),
        stays("a bare CR in a header", response("200 OK", "x: a\rcontent-length: 3\r\n", GOOD)),
        stays("a bare LF in a header", response("200 OK", "x: a\ncontent-type: text/html\r\n", GOOD)),
        stays("a folded header", response("200 OK", "x: a\r\n b\r\n", GOOD)),
        stays("a cookie", response("200 OK", "set-cookie: a=b; domain=127.0.0.1; path=/\r\n", GOOD)),
        stays(
            "another service to use instead",
            response(
                "200 OK",
                &format!("alt-svc: h2=\"{elsewhere_host}\"\r\nlink: <{elsewhere}>; rel=preload\r\n"),
                GOOD,
            ),
        ),
        stays(
            "101 to a websocket",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\0",
        ),
        stays(
            "10 000 early hints",
            ["HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n".repeat(10_000).into_bytes(), ok(GOOD)].concat(),
        ),
        Hostile { ends: Ends::ResponseTimeout, ..endless("endless 100s", "", b"HTTP/1.1 100 Continue\r\n\r\n") },
        stays(
            "401 that asks for a password",
            response("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", ""),
        ),
        stays("407 of a proxy", response("407 Proxy Authentication Required", "proxy-authenticate: Basic\r\n", "")),
        stays("402 and more bytes than that", [response("402 Payment Required", "", "pay"), b"more".to_vec()].concat()),
        stays("x-request-id with the token", response("500 No", &format!("x-request-id: <{TOKEN}>\r\n"), "")),
        stays("x-request-id that isn't ASCII", response("500 No", "x-request-id: \u{202e}\u{1f4a9}\r\n", "")),
        stays("x-request-id of 30 KB", response("400 No", &format!("x-request-id: {}\r\n", "y".repeat(30_000)), "")),
    ];
    for status in ["", "20", "2000", "099", "-20", "2e2", "999", "600"] {
        all.push(closes(format!("status {status:?}"), response(&format!("{status} OK"), "", GOOD)));
    }
    for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/2", "HTTP/99999999999", "http/1.1", "ICY"] {
        all.push(closes(format!("version {version}"), format!("{version} 200 OK\r\n\r\n{GOOD}")));
    }
    for value in [
        "-1",
        "1e9",
        "NaN",
        "18446744073709551615",
        "18446744073709551616",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 99 Feb 2026 99:99:99 GMT",
        "1\r\nretry-after: 2",
    ] {
        all.push(stays(
            format!("Retry-After {value:?}"),
            response("429 Slow", &format!("retry-after: {value}\r\n"), ""),
        ));
    }
    let locations = [
        ("elsewhere", format!("{elsewhere}/stolen")),
        ("elsewhere, without a scheme", format!("//{elsewhere_host}/stolen")),
        ("elsewhere, with a user", elsewhere.replace("://", "://127.0.0.1@")),
        ("a file", "file:///etc/passwd".to_owned()),
        ("nowhere", "http://[".to_owned()),
        ("itself", "".to_owned()),
    ];
    for (to, location) in locations {
        all.push(stays(format!("302 to {to}"), response("302 Found", &format!("location: {location}\r\n"), "")));
    }
    for status in ["300 Choices", "301 Moved", "303 See Other", "307 Temporary", "308 Permanent"] {
        all.push(stays(
            format!("{} elsewhere", &status[..3]),
            response(status, &format!("location: {elsewhere}/stolen\r\n"), ""),
        ));
    }
    all
}

/// Where a body begins and ends.
fn framing() -> Vec<Hostile> {
    let whole = GOOD.len();
    let chunked = |rest: &str| head("transfer-encoding: chunked\r\n", rest);
    let smuggled = ok(GOOD.replace("a1", "smuggled"));
    let mut all = vec![
        stays("a second response at once", [ok(GOOD), smuggled.clone()].concat()),
        stays("a second response after an error", [response("404 Not Found", "", ""), smuggled.clone()].concat()),
        stays("a second response in a 204", [b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), smuggled.clone()].concat()),
        stays("two lengths", head(&format!("content-length: {whole}\r\ncontent-length: 3\r\n"), GOOD)),
        stays("the same length twice", head(&format!("content-length: {whole}\r\ncontent-length: {whole}\r\n"), GOOD)),
        stays("a list of lengths", head(&format!("content-length: {whole}, {whole}\r\n"), GOOD)),
        stays(
            "a length and chunks",
            head("content-length: 3\r\ntransfer-encoding: chunked\r\n", &(chunk(GOOD) + "0\r\n\r\n")),
        ),
        stays("too short a length", head("content-length: 3\r\n", GOOD)),
        closes("too long a length", head(&format!("content-length: {}\r\n", whole + 1), GOOD)),
        closes("a length of 16 EiB", head("content-length: 18446744073709551615\r\n", GOOD)),
        endless("an endless error", "HTTP/1.1 400 No\r\n\r\n", b"x"),
        drips("chunks of a byte, without end", chunked(""), b"1\r\n \r\n"),
        drips("a chunk size without end", chunked(""), b"0"),
        endless("an endless chunk extension", chunked("1;"), b"x"),
        endless("an endless trailer", chunked(&(chunk(GOOD) + "0\r\nx: ")), b"x"),
        endless("endless trailers", chunked(&(chunk(GOOD) + "0\r\n")), b"x: y\r\n"),
        stays(
            "a trailer that is a length",
            chunked(&(chunk(GOOD) + "0\r\ncontent-length: 3\r\nauthorization: x\r\n\r\n")),
        ),
        closes("no last chunk", chunked(&chunk(GOOD))),
        closes("half a chunk", chunked(&chunk(GOOD)[..50])),
        closes("half a chunk size", chunked("1")),
        closes("half a trailer", chunked(&(chunk(GOOD) + "0\r\nx: "))),
        closes("a chunk without its end", chunked(&format!("{whole:x}\r\n{GOOD}0\r\n\r\n"))),
        stays("204 with a body", response("204 No Content", "", GOOD)),
        stays("304 with a body", response("304 Not Modified", "", GOOD)),
        stays("205 with a body", response("205 Reset Content", "", GOOD)),
        closes(
            "HTTP/1.0 with chunks",
            format!("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk(GOOD)),
        ),
        closes("HTTP/1.0 without a length", format!("HTTP/1.0 200 OK\r\n\r\n{GOOD}")),
    ];
    for length in ["", "-1", "+5", "0x10", "1e3", "18446744073709551616", "five", "5 5"] {
        all.push(closes(format!("length {length:?}"), head(&format!("content-length: {length}\r\n"), GOOD)));
    }
    for coding in ["gzip, chunked", "chunked, chunked", "chunked, gzip", "identity", "xchunked", "\0"] {
        let text = head(&format!("transfer-encoding: {coding}\r\n"), &(chunk(GOOD) + "0\r\n\r\n"));
        all.push(closes(format!("coding {coding:?}"), text));
    }
    for size in ["", "x", "-1", "+1", " ", "1_0", "fffffffffffffffff", "7fffffffffffffff", "ffffffffffffffff"] {
        all.push(closes(format!("chunk size {size:?}"), chunked(&format!("{size}\r\n{GOOD}\r\n0\r\n\r\n"))));
    }
    all
}

/// What isn't the JSON that was asked for.
fn bodies() -> Vec<Hostile> {
    let beside = |value: &str| ok(format!("{},\"more\":{value}}}", &GOOD[..GOOD.len() - 1]));
    let asset = |name: &str, time: &str| {
        let asset = format!(r#"{{"id":"a1","name":{name},"created_at":{time},"updated_at":1}}"#);
        ok(format!(r#"{{"asset":{asset},"job":{{"id":"j1","status":"success","asset":{asset}}}}}"#))
    };
    let mut all = vec![
        stays("16 MiB", ok(padded(MAX_BODY))),
        stays("10 000 levels in a field that nobody asked for", beside(&("[".repeat(10_000) + &"]".repeat(10_000)))),
        stays("10 000 levels in a name", asset(&("[".repeat(10_000) + &"]".repeat(10_000)), "1")),
        stays("an error of 10 000 levels", response("400 No", "", "{\"code\":".repeat(10_000))),
        stays(
            "an error with the token",
            response("400 No", "", format!(r#"{{"code":"{TOKEN}","message":"{TOKEN}"}}"#)),
        ),
        stays("an HTML error with the token", response("400 No", "content-type: text/html\r\n", format!("<b>{TOKEN}"))),
        stays("an error whose code is a list", response("400 No", "", r#"{"code":["x"],"message":{}}"#)),
        stays(
            "an error with a message of 60 KB",
            response("400 No", "", format!(r#"{{"code":"x","message":"{}"}}"#, "y".repeat(60_000))),
        ),
        stays("the token as a success", ok(format!("\"{TOKEN}\""))),
        stays("the token as a number", asset("\"n\"", &format!("\"{TOKEN}\""))),
        stays("a name of 1 MB", asset(&format!("\"{}\"", "x".repeat(1_000_000)), "1")),
        stays("a number of 10 KB", asset("\"n\"", &"9".repeat(10_000))),
        stays("a number beyond all", asset("\"n\"", "1e999999999")),
        stays("a time beyond 64 bits", asset("\"n\"", "9223372036854775808")),
        stays("a time before all", asset("\"n\"", "-9223372036854775808")),
        stays("a time that is a fraction", asset("\"n\"", "1.5")),
        stays("NUL in a name", asset(r#""\u0000\u001b\u202e""#, "1")),
        stays("a raw NUL in a name", asset("\"\0\"", "1")),
        stays("duplicate keys", ok(GOOD.replace(r#""name":"n""#, r#""name":"n","name":"m""#))),
        stays("duplicate objects", ok(format!("{},{}", &GOOD[..GOOD.len() - 1], &GOOD[1..]))),
        stays("two values", ok(format!("{GOOD}{GOOD}"))),
        stays("a comma at the end", ok(GOOD.replace("}}}", "},}}"))),
        stays("a byte order mark", ok(format!("\u{feff}{GOOD}"))),
        stays("UTF-16", ok(GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())),
        stays("a name that isn't UTF-8", ok(b"{\"asset\":{\"id\":\"a1\",\"name\":\"\xff\xc0\xaf\"}}")),
        stays(
            "a page in HTML",
            response("200 OK", "content-type: text/html\r\n", "<!doctype html><title>Sign in</title>"),
        ),
        stays("JSON that is said to be HTML", response("200 OK", "content-type: text/html; charset=utf-16\r\n", GOOD)),
        stays("two media types", response("200 OK", "content-type: image/png\r\ncontent-type: \x7f\r\n", GOOD)),
    ];
    // Nothing is unpacked, so that nothing can be a bomb: a body that says it is packed is taken as it is.
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip, gzip"] {
        all.push(stays(
            format!("said to be {coding}"),
            response("200 OK", &format!("content-encoding: {coding}\r\n"), GOOD),
        ));
    }
    let values = ["null", "true", "0", "\"\"", "[]", "{}"];
    for value in values.into_iter().chain([""]) {
        all.push(stays(format!("{value:?} in place of everything"), ok(value)));
    }
    for value in values {
        all.push(stays(
            format!("{value} in place of each object"),
            ok(format!(r#"{{"asset":{value},"job":{value}}}"#)),
        ));
        all.push(stays(
            format!("{value} in place of each id"),
            ok(GOOD.replace("\"a1\"", value).replace("\"j1\"", value)),
        ));
    }
    all
}

/// More than the client reads of a success.
fn too_long() -> Vec<Hostile> {
    vec![
        stays("16 MiB and a byte", ok(padded(MAX_BODY + 1))),
        stays("16 MiB of brackets", ok("[".repeat(MAX_BODY))),
        endless("an endless body", head("", ""), b"x"),
        endless("an endless body of a length", head("content-length: 9223372036854775807\r\n", ""), b" "),
        endless("endless chunks", head("transfer-encoding: chunked\r\n", ""), chunk(&"x".repeat(10_000)).as_bytes()),
    ]
}

/// Jobs that say what no job can. Their ids are used in the next request.
fn jobs() -> Vec<Hostile> {
    let mut all = vec![
        stays("a success without a result", job(r#""id":"j1","status":"success""#)),
        stays("a failure without a reason", job(r#""id":"j1","status":"failed""#)),
        stays("a failure of empty words", job(r#""id":"","status":"failed","error":{"code":"","message":""}"#)),
        stays("a success of a failure", job(r#""id":"j1","status":"failed","asset":{},"error":{}"#)),
        stays("no status", job(r#""id":"j1""#)),
        Hostile {
            ends: Ends::Deadline,
            ..stays("a status of 10 KB", job(&format!(r#""id":"j1","status":"{}""#, "x".repeat(10_000))))
        },
        Hostile {
            ends: Ends::Deadline,
            ..stays("a status of control characters", job(r#""id":"j1","status":"\u0000\u001b[2J""#))
        },
        stays("an id of 10 KB", job(&format!(r#""id":"{}","status":"in_progress""#, "x".repeat(10_000)))),
    ];
    for id in [
        "",
        ".",
        "../..",
        "%2e%2e",
        "a/b",
        "a?b#c",
        "a\\\\b",
        "\\u0000",
        "\\r\\nx: y",
        "\u{202e}",
        "//evil.example",
        "; rm -rf ~",
    ] {
        all.push(stays(format!("a job's id {id:?}"), job(&format!(r#""id":"{id}","status":"in_progress""#))));
    }
    all
}
