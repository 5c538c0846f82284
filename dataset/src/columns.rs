//! Which columns of a Parquet file hold what makes a source.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a row can give to a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The program.
    Code,
    /// Arguments for its function `f`, as Python text.
    Input,
    /// What becomes `source_id`.
    Id,
}

impl Field {
    const ALL: [Field; 3] = [Field::Code, Field::Input, Field::Id];

    pub fn name(self) -> &'static str {
        match self {
            Field::Code => "code",
            Field::Input => "input",
            Field::Id => "id",
        }
    }

    /// The columns that hold it in well-known corpora, the likeliest first.
    fn usual_columns(self) -> &'static [&'static str] {
        match self {
            Field::Code => &["code", "content", "text", "solutions"],
            Field::Input => &["input"],
            Field::Id => &["id", "path", "max_stars_repo_path"],
        }
    }
}

/// The two columns that a program lies in where none is its code.
const PROMPT: &str = "prompt";
const COMPLETION: &str = "canonical_solution";

/// Columns that a user named: `code=body`. The others go by their usual names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnMap(BTreeMap<Field, String>);

/// One entry of a [`ColumnMap`], as it stands on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub field: Field,
    pub column: String,
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` maps nothing: write NAME=COLUMN, where NAME is code, input or id")]
pub struct BadMapping(String);

#[derive(Debug, thiserror::Error)]
#[error("two columns are mapped to {}: map one", .0.name())]
pub struct MappedTwice(Field);

impl FromStr for Mapping {
    type Err = BadMapping;

    fn from_str(text: &str) -> Result<Mapping, BadMapping> {
        let bad = || BadMapping(text.to_owned());
        let (name, column) = text.split_once('=').ok_or_else(bad)?;
        let field = Field::ALL.into_iter().find(|field| field.name() == name).ok_or_else(bad)?;
        if column.is_empty() {
            return Err(bad());
        }
        Ok(Mapping { field, column: column.to_owned() })
    }
}

impl ColumnMap {
    pub fn new(mappings: impl IntoIterator<Item = Mapping>) -> Result<ColumnMap, MappedTwice> {
        let mut columns = BTreeMap::new();
        for Mapping { field, column } in mappings {
            if columns.insert(field, column).is_some() {
                return Err(MappedTwice(field));
            }
        }
        Ok(ColumnMap(columns))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns of a file that has those of `present`.
    pub(crate) fn resolve(&self, present: &[&str]) -> Result<Columns, MissingColumn> {
        let missing = |field: Field, named: Option<&String>| MissingColumn {
            field,
            named: named.cloned(),
            present: present.iter().map(|&column| column.to_owned()).collect(),
        };
        let find = |field: Field| match self.0.get(&field) {
            Some(named) if present.contains(&named.as_str()) => Ok(Some(named.clone())),
            Some(named) => Err(missing(field, Some(named))),
            None => Ok(field
                .usual_columns()
                .iter()
                .find(|column| present.contains(column))
                .map(|&c| c.to_owned())),
        };
        let (code, completion) = match find(Field::Code)? {
            Some(code) => (code, None),
            // A program in two pieces, as HumanEval has it.
            None if [PROMPT, COMPLETION].iter().all(|column| present.contains(column)) => {
                (PROMPT.to_owned(), Some(COMPLETION.to_owned()))
            }
            None => return Err(missing(Field::Code, None)),
        };
        Ok(Columns { code, completion, input: find(Field::Input)?, id: find(Field::Id)? })
    }
}

/// A file's columns, found. All others pass through to `source_meta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    pub code: String,
    /// What follows the code, where a program lies in two columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A file lacks a column that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingColumn {
    field: Field,
    named: Option<String>,
    present: Vec<String>,
}

impl fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.field.name();
        match &self.named {
            Some(named) => write!(f, "no column {named}")?,
            None => write!(f, "no column with code (none of {})", self.field.usual_columns().join(", "))?,
        }
        write!(f, ", only {}: name the right one by --map {name}=COLUMN", self.present.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(mappings: &[&str]) -> ColumnMap {
        ColumnMap::new(mappings.iter().map(|text| text.parse().unwrap())).unwrap()
    }

    #[test]
    fn well_known_corpora_need_no_map() {
        for (present, code, id) in [
            (&["max_stars_repo_path", "content", "lang"][..], "content", Some("max_stars_repo_path")),
            (&["text", "meta"], "text", None),
            (&["path", "id", "code", "input"], "code", Some("id")),
            (&["problem_id", "question", "solutions", "input_output"], "solutions", None),
        ] {
            let columns = map(&[]).resolve(present).unwrap();
            assert_eq!((columns.code.as_str(), columns.id.as_deref()), (code, id));
            assert_eq!(columns.input.is_some(), present.contains(&"input"));
        }
    }

    #[test]
    fn a_map_goes_before_the_usual_names() {
        let columns = map(&["code=body", "input=args"]).resolve(&["code", "body", "args"]).unwrap();
        assert_eq!((columns.code.as_str(), columns.input.as_deref()), ("body", Some("args")));
    }

    #[test]
    fn a_missing_column_is_told_with_those_that_there_are() {
        let error = map(&[]).resolve(&["source", "stars"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no column with code (none of code, content, text, solutions), only source, stars: name the right one by \
             --map code=COLUMN"
        );
        let error = map(&["id=hash"]).resolve(&["code"]).unwrap_err().to_string();
        assert_eq!(error, "no column hash, only code: name the right one by --map id=COLUMN");
    }

    #[test]
    fn mappings_read_as_written() {
        assert_eq!("code=a=b".parse::<Mapping>().unwrap().column, "a=b");
        for text in ["", "code", "code=", "=x", "licence=x"] {
            assert!(text.parse::<Mapping>().is_err(), "{text}");
        }
        let twice = ["id=a", "id=b"].map(|text| text.parse().unwrap());
        assert_eq!(ColumnMap::new(twice).unwrap_err().to_string(), "two columns are mapped to id: map one");
    }
}
