//! The settings of a style, as `key=value` texts.

use std::fmt::Display;
use std::str::FromStr;

/// What was asked of a style beyond its name; each key at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pairs: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("`{0}` is no setting: write key=value")]
    NoPair(String),
    #[error("`{0}` is set twice")]
    Twice(String),
    #[error("this style has no setting `{key}`; it has: {known}")]
    Unknown { key: String, known: String },
    #[error("`{value}` is no value for `{key}`: {wanted}")]
    Value { key: &'static str, value: String, wanted: String },
}

impl Settings {
    /// Reads `key=value` texts. A value may hold anything, `=` and line breaks too.
    pub fn parse<T: AsRef<str>>(pairs: impl IntoIterator<Item = T>) -> Result<Settings, SettingError> {
        let mut settings = Settings::default();
        for pair in pairs {
            let pair = pair.as_ref();
            let (key, value) = pair.split_once('=').ok_or_else(|| SettingError::NoPair(pair.to_owned()))?;
            if settings.text(key).is_some() {
                return Err(SettingError::Twice(key.to_owned()));
            }
            settings.pairs.push((key.to_owned(), value.to_owned()));
        }
        Ok(settings)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The value of `key` read by `T`, or `default` where it is not set.
    pub(crate) fn get<T>(&self, key: &'static str, default: T) -> Result<T, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = self.text(key) else { return Ok(default) };
        value.parse().map_err(|error: T::Err| SettingError::Value {
            key,
            value: value.to_owned(),
            wanted: error.to_string(),
        })
    }

    /// The one of `choices` that `key` names; the first where it is not set.
    pub(crate) fn choose<T: Copy>(
        &self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Result<T, SettingError> {
        let Some(value) = self.text(key) else { return Ok(choices[0].1) };
        let chosen = choices.iter().find(|(name, _)| *name == value);
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let wanted = format!("choose one of {}", names.join(", "));
            SettingError::Value { key, value: value.to_owned(), wanted }
        })
    }
}
