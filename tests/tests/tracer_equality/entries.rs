//! What is run of a source other than the whole of it: its import, its functions with inputs, tests of it.

use std::env;
use std::path::Path;

use inputs::{Budget, Guidance, Module, Search};
use tests::random::Random;
use tests::tracers::{Begins, Program, interpreters};

use super::agreement::compare_all;
use super::foreign::python_files;

const SOURCE: &str = r#"
import asyncio

LIMIT = 3


class Stack:
    kind = "stack"

    def __init__(self, items=()):
        self.items = list(items)

    def push(self, *items):
        for item in items:
            self.items.append(item)
        return self

    @classmethod
    def of(cls, count):
        return cls(range(count))


def bounded(number, most=LIMIT):
    if number > most:
        raise ValueError(f"{number} is more than {most}")
    return [most - number for _ in range(number)]


def endless(start):
    while True:
        print(start)
        yield start
        start += 1


async def doubled(number):
    await asyncio.sleep(0)
    return number * 2


print("loaded")
"#;

#[test]
fn each_entry_of_a_source_agrees() {
    let function = |name: &str, input: &str| Program::function(SOURCE, name, input);
    let begins = |begins| Program { begins, ..Program::script(SOURCE) };
    let test = |statements: &str| begins(Begins::Test { statements: statements.to_owned() });
    let programs = [
        begins(Begins::Import),
        function("bounded", "2"),
        function("bounded", "4, most=LIMIT"),
        function("bounded", "1, 2, 3"),
        function("Stack.push", "Stack([1]), 2, [3]"),
        function("Stack.of", "2"),
        function("endless", "7"),
        function("doubled", "21"),
        function("Stack.absent", "1"),
        function("bounded", "1) + (2"),
        test("assert bounded(2) == [1, 1]\nstack = Stack()\nstack.push(1)"),
        test("assert bounded(1) == []"),
    ];
    let programs: Vec<(String, Program)> =
        programs.into_iter().map(|program| (format!("{:?}", program.begins), program)).collect();
    for interpreter in interpreters() {
        assert_eq!(compare_all(interpreter, &programs), Vec::<String>::new());
    }
}

/// Takes 20 functions of pygorithm below the folder that `ET_CORPORA` names, with the first inputs that the search would
/// try of each.
#[test]
fn functions_of_a_published_package_agree() {
    const FUNCTIONS: usize = 20;
    const INPUTS: usize = 2;
    let Some(folder) = env::var_os("ET_CORPORA") else {
        eprintln!("ET_CORPORA names no folder of Python files: this comparison is left out");
        return;
    };
    let mut random = Random::new(13);
    let mut functions = Vec::new();
    for path in python_files(&Path::new(&folder).join("pygorithm/pygorithm")) {
        let code = std::fs::read_to_string(&path).unwrap_or_default();
        let Ok(module) = Module::read(&code) else { continue };
        let names: Vec<String> = module.functions().map(str::to_owned).collect();
        for name in names {
            let budget = Budget { tried: 8, kept: 8 };
            let batch = Search::new(&module, &name, &[], budget, Guidance::Coverage, 7).propose();
            let inputs: Vec<String> = batch.into_iter().take(INPUTS).map(|proposal| proposal.input).collect();
            functions.push((path.clone(), code.clone(), name, inputs));
        }
    }
    let mut programs = Vec::new();
    for _ in 0..FUNCTIONS.min(functions.len()) {
        let taken = random.below(functions.len() as u64) as usize;
        let (path, code, name, inputs) = functions.swap_remove(taken);
        for input in inputs {
            let mut program = Program { foreign: true, ..Program::function(code.as_str(), &name, &input) };
            program.bounds.max_events = 5_000;
            programs.push((format!("{} {name}({input})", path.display()), program));
        }
    }
    for interpreter in interpreters() {
        let left_out = compare_all(interpreter, &programs);
        eprintln!("on 3.{}, {} calls; left out: {left_out:#?}", interpreter.minor, programs.len());
        assert!(
            left_out.len() * 10 <= programs.len(),
            "too many are left out to say anything: {left_out:#?}"
        );
    }
}
