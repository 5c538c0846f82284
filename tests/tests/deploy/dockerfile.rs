//! That the Dockerfile's steps can be taken: paths exist, stages lead to each other, the workspace is whole.

use std::collections::BTreeSet;
use std::process::Command;

use tests::binaries;

use crate::files::{deploy, read, repository};

/// One instruction, its continuation lines joined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Instruction {
    name: String,
    words: Vec<String>,
}

fn instructions(text: &str) -> Vec<Instruction> {
    let text = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
    let lines = text.replace("\\\n", " ");
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let mut words = line.split_whitespace().map(str::to_owned);
            Instruction { name: words.next().unwrap(), words: words.collect() }
        })
        .collect()
}

/// How an image ends: what of ours is in it, and what runs as whom.
pub(crate) struct Stage {
    /// `uid:gid`
    pub(crate) user: String,
    /// Programs by name, and where they lie.
    pub(crate) programs: Vec<(String, String)>,
    pub(crate) entrypoint: Vec<String>,
    arguments: Vec<String>,
}

impl Stage {
    /// What a container runs that is given no arguments.
    pub(crate) fn command(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.arguments).cloned().collect()
    }
}

/// # Panics
/// If there is no such stage, or it lacks something.
pub(crate) fn stage(name: &str) -> Stage {
    let instructions = instructions(&dockerfile());
    let is_begin =
        |one: &Instruction| one.name == "FROM" && one.words.last().is_some_and(|word| word == name);
    let own =
        instructions.iter().skip_while(|one| !is_begin(one)).skip(1).take_while(|one| one.name != "FROM");
    let own: Vec<&Instruction> = own.collect();
    let words = |wanted: &str| own.iter().find(|one| one.name == wanted).map(|one| one.words.as_slice());
    let list =
        |wanted: &str| -> Vec<String> { serde_json::from_str(&words(wanted).unwrap().join(" ")).unwrap() };
    let mut programs = Vec::new();
    for copy in own.iter().filter(|one| one.name == "COPY" && one.words[0].starts_with("--from=")) {
        let (target, sources) = copy.words[1..].split_last().unwrap();
        for source in sources {
            let name = source.rsplit('/').next().unwrap();
            let place = if target.ends_with('/') { format!("{target}{name}") } else { target.clone() };
            programs.push((name.to_owned(), place));
        }
    }
    Stage {
        user: words("USER").unwrap()[0].clone(),
        programs,
        entrypoint: list("ENTRYPOINT"),
        arguments: list("CMD"),
    }
}

/// What is wrong with a Dockerfile, one sentence each.
fn broken(text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let instructions = instructions(text);
    let mut stages: Vec<&str> = Vec::new();
    let mut copied = BTreeSet::new();
    let mut users = Vec::new();
    for instruction in &instructions {
        let words: Vec<&str> = instruction.words.iter().map(String::as_str).collect();
        match (instruction.name.as_str(), words.as_slice()) {
            ("FROM", [_, "AS", stage]) => {
                stages.push(stage);
                users.push(None);
            }
            ("FROM", _) => broken.push("a stage has no name".to_owned()),
            ("USER", [user]) => *users.last_mut().unwrap() = Some(*user),
            ("COPY", [from, rest @ ..]) if from.starts_with("--from=") => {
                let stage = &from["--from=".len()..];
                if !stages.contains(&stage) {
                    broken.push(format!("nothing can be copied from {stage}, which is no stage before"));
                }
                for path in &rest[..rest.len() - 1] {
                    let name = path.rsplit('/').next().unwrap();
                    if !text.contains(&format!("target/release/{name}")) {
                        broken.push(format!("{path} is not built"));
                    }
                }
            }
            ("COPY", [sources @ .., _]) => {
                for source in sources {
                    let source = argument(&instructions, source);
                    if !repository().join(&source).exists() {
                        broken.push(format!("{source} is not in the repository"));
                    }
                    copied.insert(source);
                }
            }
            _ => {}
        }
    }
    for stage in ["coordinator", "worker"] {
        let Some(index) = stages.iter().position(|one| *one == stage) else {
            broken.push(format!("there is no stage {stage}"));
            continue;
        };
        let user = users[index].and_then(|user| user.split(':').next()?.parse::<u32>().ok());
        if user.is_none_or(|user| user == 0) {
            broken.push(format!("{stage} may run as root"));
        }
    }
    for member in members() {
        if !copied.iter().any(|folder| member.split('/').next() == Some(folder)) {
            broken.push(format!("the workspace's member {member} is left out"));
        }
    }
    broken
}

/// A word with the default values of build arguments put in.
fn argument(instructions: &[Instruction], word: &str) -> String {
    let arguments = instructions.iter().filter(|instruction| instruction.name == "ARG");
    arguments
        .filter_map(|argument| argument.words[0].split_once('='))
        .fold(word.to_owned(), |word, (name, value)| word.replace(&format!("${{{name}}}"), value))
}

fn members() -> Vec<String> {
    let manifest = read(&repository().join("Cargo.toml"));
    let members = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    members
        .split(',')
        .map(|member| member.trim().trim_matches('"').to_owned())
        .filter(|member| !member.is_empty())
        .collect()
}

fn dockerfile() -> String {
    read(&deploy().join("Dockerfile"))
}

#[test]
fn every_step_of_the_dockerfile_can_be_taken() {
    assert_eq!(broken(&dockerfile()), Vec::<String>::new());
}

#[test]
fn wrong_dockerfiles_are_refused() {
    #[track_caller]
    fn refused(from: &str, to: &str, words: &str) {
        let text = dockerfile();
        assert!(text.contains(from), "{from} is not there");
        let broken = broken(&text.replacen(from, to, 1));
        assert!(broken.iter().any(|complaint| complaint.contains(words)), "{broken:?}");
    }
    refused("COPY telemetry telemetry\n", "", "member telemetry is left out");
    refused("COPY telemetry telemetry", "COPY telemetri telemetry", "telemetri is not in the repository");
    refused("deploy/requirements.txt", "deploy/needs.txt", "deploy/needs.txt is not in the repository");
    refused("--from=build /out/et-coord", "--from=built /out/et-coord", "copied from built");
    refused("/out/et-coord /usr", "/out/et-coordinator /usr", "/out/et-coordinator is not built");
    refused("USER 65532:65532", "USER 0:0", "coordinator may run as root");
    refused("AS worker", "AS workers", "there is no stage worker");
}

#[test]
fn the_build_context_holds_what_is_copied() {
    let ignored = read(&deploy().join("Dockerfile.dockerignore"));
    let kept: BTreeSet<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for path in &kept {
        assert!(repository().join(path).exists(), "{path} is not in the repository");
    }
    let text = dockerfile();
    let instructions = instructions(&text);
    for copy in instructions.iter().filter(|one| one.name == "COPY" && !one.words[0].starts_with("--from")) {
        for source in &copy.words[..copy.words.len() - 1] {
            let source = argument(&instructions, source);
            assert!(kept.contains(source.as_str()), "{source} is copied, but kept out of the context");
        }
    }
}

/// What the images' C library and compiler runtime bring.
const LIBRARIES: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"];

#[test]
fn programs_need_no_library_that_their_images_lack() {
    for program in [binaries::et_coord(), binaries::et_worker(), binaries::tracer()] {
        let output = match Command::new("readelf").arg("--dynamic").arg("--wide").arg(&program).output() {
            Ok(output) => output,
            Err(error) => {
                eprintln!("skipped: readelf cannot be started ({error})");
                return;
            }
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let needed = text.lines().filter(|line| line.contains("(NEEDED)"));
        let needed: Vec<&str> =
            needed.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0)).collect();
        assert!(needed.contains(&"libc.so.6"), "{}: {needed:?}", program.display());
        let lacking: Vec<_> = needed.iter().filter(|name| !LIBRARIES.contains(name)).collect();
        assert!(lacking.is_empty(), "{} needs {lacking:?}", program.display());
    }
}
