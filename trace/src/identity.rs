//! The numbers by which texts of values tell objects apart: `#3[1, 2]`.

use std::borrow::Cow;

/// The text of a value without the number of its object, if it has one.
pub fn behind_number(text: &str) -> &str {
    match text.strip_prefix('#') {
        Some(numbered) => numbered.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => text,
    }
}

/// A text without the numbers of objects, wherever in it they stand.
pub fn without_numbers(text: &str) -> Cow<'_, str> {
    if !text.contains('#') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match quote {
            // In a string a backslash takes away what the next character means.
            Some(_) if character == '\\' => {
                plain.push(character);
                plain.extend(characters.next());
                continue;
            }
            Some(open) if character == open => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if character == '#' => {
                while characters.next_if(char::is_ascii_digit).is_some() {}
                continue;
            }
            _ => {}
        }
        plain.push(character);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_before_the_rest_of_a_text() {
        assert_eq!(behind_number("#12[#3[], '#4']"), "[#3[], '#4']");
        assert_eq!(behind_number("#1Point(x=1)"), "Point(x=1)");
        assert_eq!(behind_number("'#1'"), "'#1'");
        assert_eq!(behind_number(""), "");
    }

    #[test]
    fn numbers_go_wherever_they_stand_but_not_from_strings() {
        assert_eq!(
            without_numbers("#1[#22{'#3': 4}, #5Node(it='\\'#6', at=\"#7'#8\")]"),
            "[{'#3': 4}, Node(it='\\'#6', at=\"#7'#8\")]"
        );
        assert_eq!(without_numbers("[1, 2]"), "[1, 2]");
    }
}
