//! What a model is asked.

use dataset::Proposals;

/// The usual question. A job may bring one of its own, with the same two places.
const USUAL: &str = "\
Below is a Python file. Write calls of these functions, with arguments that show what each of them can do:

{functions}

Write at least four calls of each function. Choose arguments that differ from each other, that take different \
branches, and that include edge cases which the function handles. Write one call on a line, without results and \
without explanations. Use literals, built-in functions and classes of the file as arguments; a method is called on an \
object, such as `Stack([1, 2]).push(3)`. Do not define or import anything.

```python
{code}
```
";

/// The question about a file.
pub(super) fn fill(template: Option<&str>, functions: &[&str], code: &str) -> String {
    let listed: Vec<String> = functions.iter().map(|function| format!("- {function}")).collect();
    let template = template.unwrap_or(USUAL);
    // The code comes last, because it may hold what looks like a place.
    template.replace(Proposals::FUNCTIONS, &listed.join("\n")).replace(Proposals::CODE, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_its_functions_stand_in_their_places() {
        let told = fill(Some("Call {functions} of:\n{code}"), &["f", "g"], "x = '{functions}'");
        assert_eq!(told, "Call - f\n- g of:\nx = '{functions}'");
        let usual = fill(None, &["f"], "def f(): ...");
        assert!(usual.contains("\n- f\n") && usual.contains("def f(): ..."), "{usual}");
    }
}
