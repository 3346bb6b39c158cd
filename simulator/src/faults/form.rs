//! Faults as flat JSON: `{"operation": "createAssetUploadJob", "fault": "close_after", "bytes": 1000, "first": 1, "times": 2}`.

use std::io;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::faults::Fault;
use crate::faults::canned_response::CannedResponse;
use crate::faults::injections::Injection;
use crate::fields::{Fields, invalid};

/// The longest body that is shown.
const MAX_SHOWN: usize = 4 << 10;

/// The longest body that is made up.
const MAX_MADE_UP: usize = 64 << 20;

/// Each fault's name, and the argument that it has.
macro_rules! faults {
    ($($name:ident $variant:ident $(($argument:ident))? $(over $version:ident)?,)*) => {
        impl Fault {
            const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Each name with its argument, and with `http2` where it needs that.
            pub(super) const KINDS: &[(&str, &str, &str)] =
                &[$((stringify!($name), concat!($(stringify!($argument))?), concat!($(stringify!($version))?))),*];

            fn take(name: &str, fields: &mut Fields) -> io::Result<Self> {
                match name {
                    $(stringify!($name) => Ok(Self::$variant $((Argument::take(fields, stringify!($argument))?))?),)*
                    _ => Err(invalid(format!("there is no fault `{name}`; there are {}", Self::NAMES.join(", ")))),
                }
            }

            /// As JSON has it.
            #[allow(unused_variables, reason = "arguments")]
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant $(($argument))? => stringify!($name),)*
                }
            }

            fn put(&self, fields: &mut Map<String, Value>) {
                fields.insert("fault".into(), self.name().into());
                match self {
                    $(Self::$variant $(($argument))? => {
                        $($argument.put(stringify!($argument), fields);)?
                    })*
                }
            }
        }
    };
}

faults! {
    close Close,
    close_after CloseAfter(bytes),
    stop_reading StopReading,
    respond_early RespondEarly(response),
    respond Respond(response),
    raw Raw(body),
    trickle_read TrickleRead(bytes_per_second),
    delay Delay(seconds),
    lose_response LoseResponse,
    cut_body CutBody,
    cut_json CutJson,
    malformed_json MalformedJson,
    wrong_content_type WrongContentType,
    unknown_enums UnknownEnums,
    missing_fields MissingFields,
    chunked Chunked,
    unlengthed Unlengthed,
    large_header LargeHeader(bytes),
    refuse_stream RefuseStream over http2,
    go_away_before GoAwayBefore over http2,
    go_away_after GoAwayAfter over http2,
    go_away_unanswered GoAwayUnanswered over http2,
    reset_request ResetRequest(bytes) over http2,
    reset_response ResetResponse over http2,
    respond_and_reset RespondAndReset(response) over http2,
    fall_silent FallSilent over http2,
}

impl TryFrom<Map<String, Value>> for Injection {
    type Error = io::Error;

    fn try_from(fields: Map<String, Value>) -> io::Result<Self> {
        let mut fields = Fields::new(fields);
        let operation = required(fields.text("operation")?, "operation", "a fault")?;
        let name = required(fields.text("fault")?, "fault", "a fault")?;
        let fault = Fault::take(&name, &mut fields)?;
        let first = fields.number("first", "a whole number from 1 on")?.unwrap_or(1);
        let times = fields.number("times", "a whole number from 1 on")?;
        if first == 0 || times == Some(0) {
            return Err(invalid("`first` and `times` count from 1"));
        }
        fields.end(&format!("the fault `{name}`"))?;
        Ok(Self { id: 0, operation, first, times, seen: 0, fault })
    }
}

impl From<Injection> for Map<String, Value> {
    fn from(injection: Injection) -> Self {
        let Injection { id, operation, first, times, seen, fault } = injection;
        let mut fields = Map::from_iter([("id".to_owned(), id.into()), ("operation".to_owned(), operation.into())]);
        fault.put(&mut fields);
        fields.insert("first".into(), first.into());
        fields.extend(times.map(|times| ("times".to_owned(), times.into())));
        fields.insert("seen".into(), seen.into());
        fields
    }
}

fn required<T>(value: Option<T>, name: &str, whose: &str) -> io::Result<T> {
    value.ok_or_else(|| invalid(format!("{whose} needs `{name}`")))
}

/// What a fault needs to know.
trait Argument: Sized {
    fn take(fields: &mut Fields, name: &str) -> io::Result<Self>;
    fn put(&self, name: &str, fields: &mut Map<String, Value>);
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Argument for $number {
            fn take(fields: &mut Fields, name: &str) -> io::Result<Self> {
                required(fields.number(name, "a whole number from 0 on")?, name, "this fault")
            }

            fn put(&self, name: &str, fields: &mut Map<String, Value>) {
                fields.insert(name.into(), (*self).into());
            }
        })*
    };
}

numbers! { u32 u64 usize }

impl Argument for Duration {
    fn take(fields: &mut Fields, name: &str) -> io::Result<Self> {
        required(fields.seconds(name)?, name, "this fault")
    }

    fn put(&self, name: &str, fields: &mut Map<String, Value>) {
        fields.insert(name.into(), self.as_secs_f64().into());
    }
}

impl Argument for Bytes {
    fn take(fields: &mut Fields, name: &str) -> io::Result<Self> {
        required(body(fields)?, name, "this fault")
    }

    fn put(&self, _: &str, fields: &mut Map<String, Value>) {
        put_body(self, fields);
    }
}

/// A body is text, Base64 of any bytes, or so many bytes.
fn body(fields: &mut Fields) -> io::Result<Option<Bytes>> {
    let (text, base64) = (fields.text("body")?, fields.text("body_base64")?);
    let bytes: Option<usize> = fields.number("bytes", "a whole number from 0 on")?;
    match (text, base64, bytes) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => Ok(Some(text.into())),
        (None, Some(base64), None) => match STANDARD.decode(base64) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(_) => Err(invalid("`body_base64` must be Base64, with its padding")),
        },
        (None, None, Some(bytes)) if bytes <= MAX_MADE_UP => Ok(Some(vec![b'x'; bytes].into())),
        (None, None, Some(_)) => Err(invalid(format!("`bytes` must be {MAX_MADE_UP} or less for a body"))),
        _ => Err(invalid("a body is one of `body`, `body_base64` and `bytes`")),
    }
}

fn put_body(body: &Bytes, fields: &mut Map<String, Value>) {
    let (name, value) = match std::str::from_utf8(body) {
        _ if body.len() > MAX_SHOWN => ("bytes", body.len().into()),
        Ok(text) => ("body", text.into()),
        Err(_) => ("body_base64", STANDARD.encode(body).into()),
    };
    fields.insert(name.into(), value);
}

impl Argument for CannedResponse {
    fn take(fields: &mut Fields, _: &str) -> io::Result<Self> {
        let status = fields.number("status", "a status, such as 503")?;
        let status: u16 = required(status, "status", "this fault")?;
        if !(200..=999).contains(&status) {
            return Err(invalid("`status` must be a final one, from 200 to 999"));
        }
        let (code, message) = (fields.text("code")?, fields.text("message")?);
        let mut response = match (body(fields)?, code, message) {
            (Some(body), None, None) if body.is_empty() => Self::empty(status),
            (Some(body), None, None) => Self::empty(status)
                .header(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))
                .body(body),
            (Some(_), ..) => return Err(invalid("an error has `code` and `message`, or a body, but not both")),
            (None, None, None) => Self::json(status),
            (None, code, message) => {
                let default = Self::default_error(status);
                Self::error(status, code.as_deref().unwrap_or(default.0), message.as_deref().unwrap_or(default.1))
            }
        };
        let named = [("content_type", header::CONTENT_TYPE), ("retry_after", header::RETRY_AFTER)];
        for (field, name) in named {
            if let Some(value) = fields.text(field)? {
                let wrong = |_| invalid(format!("`{field}` must be a header's value, in visible ASCII"));
                response = response.header(name, HeaderValue::try_from(value).map_err(wrong)?);
            }
        }
        for (name, value) in fields.object("headers")? {
            let wrong = || invalid(format!("`headers` must be an object of names and texts, and {name:?} isn't"));
            let value = value.as_str().and_then(|value| HeaderValue::try_from(value).ok()).ok_or_else(wrong)?;
            response = response.header(HeaderName::try_from(&name).map_err(|_| wrong())?, value);
        }
        Ok(response)
    }

    fn put(&self, _: &str, fields: &mut Map<String, Value>) {
        fields.insert("status".into(), self.status().as_u16().into());
        let error = self.as_error();
        let is_error = error.is_some();
        match error {
            Some((code, message)) => {
                fields.extend([("code".to_owned(), code.into()), ("message".to_owned(), message.into())]);
            }
            None => put_body(self.bytes(), fields),
        }
        let mut others = Map::new();
        for (name, value) in self.headers() {
            let value = Value::from(String::from_utf8_lossy(value.as_bytes()));
            match *name {
                header::CONTENT_TYPE if is_error => None,
                header::CONTENT_TYPE => fields.insert("content_type".into(), value),
                header::RETRY_AFTER => fields.insert("retry_after".into(), value),
                _ => others.insert(name.as_str().into(), value),
            };
        }
        if !others.is_empty() {
            fields.insert("headers".into(), others.into());
        }
    }
}
