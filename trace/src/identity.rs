//! The numbers by which texts of values tell objects apart: `#3[1, 2]`.

/// The text of a value without the number of its object, if it has one.
pub fn behind_number(text: &str) -> &str {
    match text.strip_prefix('#') {
        Some(numbered) => numbered.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        None => text,
    }
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
}
