//! One of several objects, which a property tells apart: how the enums of `generated/` are read and written.

use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object and the name of its tag.
pub(crate) struct Tagged {
    name: &'static str,
    value: Value,
}

impl Tagged {
    pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D, name: &'static str) -> Result<Self, D::Error> {
        Ok(Self { name, value: Value::deserialize(deserializer)? })
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        self.value.get(self.name)?.as_str()
    }

    /// The object as a variant, which has the tag too or leaves it to the enum.
    pub(crate) fn variant<T: DeserializeOwned, E: serde::de::Error>(mut self, keeps_tag: bool) -> Result<T, E> {
        if let (false, Some(object)) = (keeps_tag, self.value.as_object_mut()) {
            object.remove(self.name);
        }
        T::deserialize(self.value).map_err(E::custom)
    }

    pub(crate) fn whole(self) -> Value {
        self.value
    }
}

/// A variant with its tag.
pub(crate) fn write<S: Serializer>(
    serializer: S,
    name: &str,
    tag: &str,
    variant: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(variant).map_err(S::Error::custom)?;
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), tag.into());
    }
    value.serialize(serializer)
}
