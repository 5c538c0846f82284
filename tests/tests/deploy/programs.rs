//! What the programs accept, by their own word.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use tests::binaries;

/// The flags and environment variables of a program.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) name: &'static str,
    flags: BTreeSet<String>,
    variables: BTreeSet<String>,
}

static COORDINATOR: LazyLock<Result<Interface, String>> =
    LazyLock::new(|| Interface::of("et-coord serve", &binaries::et_coord(), &["serve"]));
static WORKER: LazyLock<Result<Interface, String>> =
    LazyLock::new(|| Interface::of("et-worker", &binaries::et_worker(), &[]));

/// What is read by libraries rather than by the programs themselves.
const LIBRARIES: [&str; 3] = ["AWS_", "OTEL_", "RUST_LOG"];

impl Interface {
    /// Who runs in a container of an image, or why it does not say what it accepts; `None` for what is not ours.
    pub(crate) fn of_image(image: &str) -> Option<Result<&'static Interface, &'static String>> {
        let path = image.split('@').next()?;
        let name = path.rsplit('/').next()?.split(':').next()?;
        match name {
            "et-coord" => Some(COORDINATOR.as_ref()),
            "et-worker" => Some(WORKER.as_ref()),
            _ => None,
        }
    }

    /// Asks the program for its help.
    fn of(name: &'static str, program: &Path, command: &[&str]) -> Result<Interface, String> {
        let output = Command::new(program).args(command).arg("--help").output().unwrap();
        if !output.status.success() {
            return Err(format!("{name} has no help: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let help = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = help.split_whitespace().collect();
        let flags = words.iter().filter(|word| word.starts_with("--"));
        let flags =
            flags.map(|word| word.trim_end_matches(|end: char| !end.is_ascii_alphanumeric()).to_owned());
        let after_env = words.windows(2).filter(|pair| pair[0] == "[env:");
        // A secret's value is not shown, so nothing need follow the name.
        let variables = after_env.filter_map(|pair| Some(pair[1].split(['=', ']']).next()?.to_owned()));
        Ok(Interface { name, flags: flags.collect(), variables: variables.collect() })
    }

    pub(crate) fn takes_variable(&self, name: &str) -> bool {
        self.variables.contains(name) || LIBRARIES.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The first of a container's arguments that the program would refuse.
    pub(crate) fn refused<'a>(&self, arguments: &[&'a str]) -> Option<&'a str> {
        let mut arguments = arguments.iter().copied();
        if let Some(command) = self.name.split_once(' ').map(|(_, command)| command)
            && arguments.next() != Some(command)
        {
            return Some("(no command)");
        }
        arguments.filter(|argument| argument.starts_with("--")).find(|argument| {
            let flag = argument.split('=').next().unwrap_or_default();
            !self.flags.contains(flag)
        })
    }
}

/// The value that follows a flag among arguments.
pub(crate) fn value<'a>(arguments: &[&'a str], flag: &str) -> Option<&'a str> {
    arguments.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1])
}

#[test]
fn help_tells_flags_and_variables() {
    let worker = Interface::of_image("registry.example.com:5000/et/et-worker:1").unwrap().unwrap();
    assert!(worker.takes_variable("ET_COORDINATOR"));
    assert!(worker.takes_variable("AWS_REGION"));
    assert!(!worker.takes_variable("ET_COORDINATORS"));
    assert_eq!(worker.refused(&["--slots", "2", "--scratch", "/scratch"]), None);
    assert_eq!(worker.refused(&["--slot", "2"]), Some("--slot"));
    assert!(Interface::of_image("redis:7").is_none());
}
