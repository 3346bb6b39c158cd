//! What somebody gives to steer the simulator: JSON, the fields of a form, or `name=value,name=value` in a command line.
//! All three become the same types.

use std::str::FromStr;

use bytes::Bytes;
use serde::de::DeserializeOwned;

/// Something given that isn't read yet.
#[derive(Clone, Debug)]
pub enum Given {
    /// A JSON object.
    Json(Bytes),
    /// Names and values. A value that is empty counts as none.
    Fields(Vec<(String, String)>),
}

impl Given {
    /// The fields of a form.
    pub fn form(body: &[u8]) -> Self {
        Self::Fields(form_urlencoded::parse(body).into_owned().collect())
    }

    /// What this means, or why it can't be read.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, String> {
        match self {
            // What needs nothing may be left out.
            Self::Json(body) if body.is_empty() => serde_json::from_slice(b"{}").map_err(|e| e.to_string()),
            Self::Json(body) => serde_json::from_slice(body).map_err(|e| e.to_string()),
            Self::Fields(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
                serde_urlencoded::from_str(&form.finish()).map_err(|e| e.to_string())
            }
        }
    }
}

/// As in a command line: JSON, or `name=value,name=value`.
impl FromStr for Given {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('{') {
            return Ok(Self::Json(text.to_owned().into()));
        }
        let field = |field: &str| {
            let (name, value) = field.split_once('=').ok_or_else(|| format!("`{field}` is not name=value"))?;
            Ok((name.trim().to_owned(), value.to_owned()))
        };
        text.split(',').map(field).collect::<Result<_, _>>().map(Self::Fields)
    }
}
