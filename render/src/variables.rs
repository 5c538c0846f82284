//! The variables that say nothing beyond the source.

/// Whether a variable of this name and text is a module, or a function or class under the name that it was
/// defined by. As long as a name is bound to its own definition, nothing is learnt from repeating it at every
/// step.
pub(crate) fn is_definition(name: &str, text: &str) -> bool {
    let inner = |start| text.strip_prefix(start).and_then(|rest: &str| rest.strip_suffix('>'));
    if inner("<module '").is_some() {
        return true;
    }
    let qualified =
        inner("<function ").or_else(|| inner("<class '").and_then(|rest| rest.strip_suffix('\'')));
    qualified.is_some_and(|qualified| qualified.rsplit('.').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_what_stands_under_its_own_name() {
        for (name, text) in [
            ("np", "<module 'numpy'>"),
            ("clip", "<function clip>"),
            ("inner", "<function f.<locals>.inner>"),
            ("Cart", "<class 'Cart'>"),
        ] {
            assert!(is_definition(name, text), "{name} = {text}");
        }
        for (name, text) in [
            ("operation", "<function clip>"),
            ("key", "<function <lambda>>"),
            ("Cart", "<class 'Shop'>"),
            ("text", "'<function text>'"),
        ] {
            assert!(!is_definition(name, text), "{name} = {text}");
        }
    }
}
