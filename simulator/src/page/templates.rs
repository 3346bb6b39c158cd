//! The page's templates, and what they can do beside printing what the control API says.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, State, UndefinedBehavior};
use serde_json::Map;

use super::excerpt;

const TEMPLATES: [(&str, &str); 9] = [
    ("access.html", include_str!("access.html")),
    ("base.html", include_str!("base.html")),
    ("faults.html", include_str!("faults.html")),
    ("item.html", include_str!("item.html")),
    ("library.html", include_str!("library.html")),
    ("parts.html", include_str!("parts.html")),
    ("refused.html", include_str!("refused.html")),
    ("request.html", include_str!("request.html")),
    ("requests.html", include_str!("requests.html")),
];

/// HTML, with everything escaped that isn't in the template.
pub fn render(template: &str, context: &Map<String, serde_json::Value>) -> Result<String, Error> {
    static TEMPLATES_READ: LazyLock<Result<Environment<'static>, Error>> = LazyLock::new(environment);
    let environment = TEMPLATES_READ.as_ref().map_err(|e| Error::new(e.kind(), e.to_string()))?;
    environment.get_template(template)?.render(Value::from(Serde(context)))
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    // What isn't there shows as nothing, at any depth.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_filter("bytes", bytes);
    environment.add_filter("day_time", |at: f64| iso(at).get(11..16).unwrap_or_default().to_owned());
    environment.add_filter("pretty", pretty);
    environment.add_filter("long", long);
    environment.add_function("when", when);
    environment.add_function("excerpt", excerpt::of);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// A time in seconds since the Unix epoch, and how far it is from the simulator's now.
fn when(state: &State, at: f64) -> Value {
    let now = state.lookup("getClock").and_then(|clock| clock.get_attr("now").ok()?.try_into().ok()).unwrap_or(at);
    let age = match now - at {
        gone if gone.abs() < 1.0 => "now".to_owned(),
        gone if gone > 0.0 => format!("{} ago", long(gone)),
        to_come => format!("in {}", long(-to_come)),
    };
    Value::from_safe_string(format!("<time datetime=\"{}\">{age}</time>", iso(at)))
}

/// How long so many seconds are, roughly.
fn long(seconds: f64) -> String {
    let (size, unit) = match seconds {
        _ if seconds < 0.001 => return "less than 1 ms".to_owned(),
        _ if seconds < 1.0 => (0.001, "ms"),
        _ if seconds < 100.0 => (1.0, "s"),
        _ if seconds < 100.0 * 60.0 => (60.0, "min"),
        _ if seconds < 48.0 * 3600.0 => (3600.0, "h"),
        _ => (86400.0, "days"),
    };
    format!("{:.0} {unit}", seconds / size)
}

fn bytes(count: f64) -> String {
    match count {
        _ if count < 1000.0 => format!("{count:.0} bytes"),
        _ if count < 1e6 => format!("{:.1} KB", count / 1e3),
        _ => format!("{:.1} MB", count / 1e6),
    }
}

/// JSON over several lines. Other text is as it was.
fn pretty(text: String) -> String {
    let json = serde_json::from_str::<serde_json::Value>(&text).ok().filter(|json| json.is_object() || json.is_array());
    json.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or(text)
}

/// As `datetime` has it: 2026-08-19T08:30:00Z. Later years than 9999 have no such form.
fn iso(seconds: f64) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since_epoch = Duration::try_from_secs_f64(seconds).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since_epoch).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_calendar_has_it() {
        for at in [0, 951_782_399, 951_782_400, 1_709_210_096, 1_798_761_599, 4_107_542_400] {
            let http = httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(at));
            let iso = iso(at as f64);
            let (day, year, time) = (&http[5..7], &http[12..16], &http[17..25]);
            assert_eq!((&iso[..4], &iso[8..10], &iso[11..19]), (year, day, time), "{http} {iso}");
        }
        assert_eq!(iso(1_709_210_096.9), "2024-02-29T12:34:56Z");
    }
}
