//! A flat JSON object that says what to do, as the control API, an HTML form and an option of the command give one. Its
//! fields are taken one by one, and a field that nothing took is refused by its name.

use std::io;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn new(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// The text of a field. A number is its own text, since an option of the command can't tell one from the other.
    pub fn text(&mut self, name: &str) -> io::Result<Option<String>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(invalid(format!("`{name}` must be text"))),
        }
    }

    /// A number, also as text.
    pub fn number<N: FromStr>(&mut self, name: &str, expected: &str) -> io::Result<Option<N>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| invalid(format!("`{name}` must be {expected}")))
    }

    pub fn seconds(&mut self, name: &str) -> io::Result<Option<Duration>> {
        let expected = "a number of seconds, such as 2.5";
        let Some(seconds) = self.number(name, expected)? else { return Ok(None) };
        Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| invalid(format!("`{name}` must be {expected}")))
    }

    /// A field that is an object itself.
    pub fn object(&mut self, name: &str) -> io::Result<Map<String, Value>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(invalid(format!("`{name}` must be an object of names and texts"))),
        }
    }

    /// Refuses what is left. `what` is what the fields are for.
    pub fn end(self, what: &str) -> io::Result<()> {
        match self.0.keys().next() {
            Some(name) => Err(invalid(format!("{what} takes no `{name}`"))),
            None => Ok(()),
        }
    }
}

/// What was sent can't be followed.
pub fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

/// What was meant isn't there.
pub fn not_found(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, message.into())
}
