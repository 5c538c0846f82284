//! The settings of a style, as `key=value` texts.

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

    /// The number from 1 up that `key` holds, `default` where it is not set; `None` where it is `word`.
    pub(crate) fn count_or(
        &self,
        key: &'static str,
        default: usize,
        word: &str,
    ) -> Result<Option<usize>, SettingError> {
        let Some(value) = self.text(key) else { return Ok(Some(default)) };
        if value == word {
            return Ok(None);
        }
        match value.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => {
                let wanted = format!("give a number from 1 up, or `{word}`");
                Err(SettingError::Value { key, value: value.to_owned(), wanted })
            }
        }
    }

    /// The number from 1 up that `key` holds; `None` where it is `all` or not set.
    pub(crate) fn count_or_all(&self, key: &'static str) -> Result<Option<usize>, SettingError> {
        if self.text(key).is_none() { Ok(None) } else { self.count_or(key, 1, "all") }
    }

    /// The number from 0 to 1 that `key` holds, `default` where it is not set.
    pub(crate) fn share_or(&self, key: &'static str, default: f64) -> Result<f64, SettingError> {
        let Some(value) = self.text(key) else { return Ok(default) };
        match value.parse() {
            Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
            _ => {
                let wanted = "give a number from 0 to 1".to_owned();
                Err(SettingError::Value { key, value: value.to_owned(), wanted })
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything() {
        let settings = Settings::parse(["a=b=c\nd", "e="]).unwrap();
        assert_eq!((settings.text("a"), settings.text("e")), (Some("b=c\nd"), Some("")));
    }

    #[test]
    fn mistakes_are_told_in_a_sentence() {
        let told = |result: Result<(), SettingError>| result.unwrap_err().to_string();
        assert_eq!(told(Settings::parse(["a"]).map(drop)), "`a` is no setting: write key=value");
        assert_eq!(told(Settings::parse(["a=1", "a=2"]).map(drop)), "`a` is set twice");
        let settings = Settings::parse(["n=0", "form=x"]).unwrap();
        assert_eq!(
            told(settings.count_or("n", 1, "all").map(drop)),
            "`0` is no value for `n`: give a number from 1 up, or `all`"
        );
        assert_eq!(
            told(settings.choose("form", &[("rows", 1), ("spans", 2)]).map(drop)),
            "`x` is no value for `form`: choose one of rows, spans"
        );
    }
}
