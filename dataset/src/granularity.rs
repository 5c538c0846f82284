//! A granularity in JSON: its name.

use serde::{Deserialize, Deserializer, Serializer, de};
use trace::Granularity;

pub(crate) fn serialize<S: Serializer>(granularity: &Granularity, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(granularity.name())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Granularity, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}

/// Whether it is the one that a job has which does not say.
pub(crate) fn is_usual(granularity: &Granularity) -> bool {
    *granularity == Granularity::default()
}
