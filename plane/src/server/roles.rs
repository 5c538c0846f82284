//! Which tokens may do what.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::files::{self, FileError};
use crate::token::{BadToken, Token};

/// What a caller wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Submits jobs, watches and changes them.
    Submitter,
    /// Runs shards.
    Worker,
}

impl Role {
    const ALL: [Role; 2] = [Role::Submitter, Role::Worker];

    fn name(self) -> &'static str {
        match self {
            Role::Submitter => "submitter",
            Role::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is wrong with a file of tokens. The line is named, never shown.
#[derive(Debug, thiserror::Error)]
pub enum BadTokens {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(
        "line {line} of the token file {} is of no use: write `submitter TOKEN` or `worker TOKEN`",
        path.display()
    )]
    Line { path: PathBuf, line: usize },
    #[error("the token in line {line} of the token file {} is of no use: {cause}", path.display())]
    Token { path: PathBuf, line: usize, cause: BadToken },
    #[error("the token file {} holds no tokens, so that nobody could call", path.display())]
    None { path: PathBuf },
}

/// What a token lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Granted,
    /// The token is good for something else.
    OtherRole,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Tokens(Vec<(Role, Token)>);

impl Tokens {
    pub(super) fn read(path: &Path) -> Result<Tokens, BadTokens> {
        let text = files::read_secret("token file", path)?;
        let mut tokens = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, token) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let role = Role::ALL.into_iter().find(|role| role.name() == name);
            let line = number + 1;
            let role = role.ok_or_else(|| BadTokens::Line { path: path.to_owned(), line })?;
            let token = Token::parse(token.trim());
            let token = token.map_err(|cause| BadTokens::Token { path: path.to_owned(), line, cause })?;
            tokens.push((role, token));
        }
        if tokens.is_empty() {
            return Err(BadTokens::None { path: path.to_owned() });
        }
        Ok(Tokens(tokens))
    }

    /// Looks at every token, so that the time that it takes tells nothing of which one was meant.
    pub(super) fn standing(&self, presented: &str, role: Role) -> Standing {
        self.0.iter().fold(Standing::Unknown, |standing, (granted, token)| {
            match (token.is(presented), standing) {
                (true, _) if *granted == role => Standing::Granted,
                (true, Standing::Unknown) => Standing::OtherRole,
                _ => standing,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Tokens, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Tokens::read(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_good_for_its_roles_only() {
        let tokens =
            tokens("# people\nsubmitter alice\n\n  worker \t w1 \nworker both\nsubmitter both\n").unwrap();
        assert_eq!(tokens.standing("alice", Role::Submitter), Standing::Granted);
        assert_eq!(tokens.standing("alice", Role::Worker), Standing::OtherRole);
        assert_eq!(tokens.standing("w1", Role::Worker), Standing::Granted);
        assert_eq!(tokens.standing("both", Role::Worker), Standing::Granted);
        assert_eq!(tokens.standing("both", Role::Submitter), Standing::Granted);
        for unknown in ["", "al", "alice2", "people"] {
            assert_eq!(tokens.standing(unknown, Role::Submitter), Standing::Unknown, "{unknown:?}");
        }
    }

    #[test]
    fn mistakes_are_told_by_line_and_without_the_token() {
        for (text, told) in [
            ("worker one\nadmin s3cret", "line 2 of the token file"),
            ("s3cret", "line 1 of the token file"),
            ("worker", "the token in line 1 of the token file"),
            ("worker s3cret s3cret", "the token in line 1 of the token file"),
            ("# nothing\n", "holds no tokens"),
        ] {
            let error = tokens(text).unwrap_err();
            assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", tokens("worker s3cret").unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
