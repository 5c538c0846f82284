//! Texts of the symbols that the code knows: brackets, and calculations.

use crate::random::Random;

const OPERANDS: [char; 8] = ['a', 'b', 'c', 'x', '1', '2', '3', '7'];

/// Brackets that open and close, operators between operands, symbols alone, or symbols between names and numbers.
pub(crate) fn formula(symbols: &[char], random: &mut Random) -> String {
    const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];
    let known = |&(open, close): &(char, char)| symbols.contains(&open) && symbols.contains(&close);
    let pairs: Vec<(char, char)> = PAIRS.into_iter().filter(known).collect();
    let operators: Vec<char> =
        symbols.iter().copied().filter(|symbol| "+-*/^%&|".contains(*symbol)).collect();
    if !operators.is_empty() && random.percent(50) {
        let calculation = Calculation { operators: &operators, brackets: pairs.first().copied() };
        let tokens = calculation.of_depth(2, random);
        let between = if random.percent(25) { " " } else { "" };
        return tokens.iter().map(char::to_string).collect::<Vec<_>>().join(between);
    }
    let length = 1 + random.below(8);
    if !pairs.is_empty() && random.percent(40) {
        return nested(&pairs, length, random);
    }
    let with_operands = random.percent(50);
    let symbol = |random: &mut Random| symbols[random.below(symbols.len())];
    let characters = (0..length).map(|at| match with_operands && at % 2 == 0 {
        true => operand(random),
        false => symbol(random),
    });
    characters.collect()
}

fn operand(random: &mut Random) -> char {
    OPERANDS[random.below(OPERANDS.len())]
}

/// Brackets that are closed in the order in which they should be.
fn nested(pairs: &[(char, char)], length: usize, random: &mut Random) -> String {
    let mut text = String::new();
    let mut open = Vec::new();
    for _ in 0..length {
        let (opens, closes) = pairs[random.below(pairs.len())];
        if open.is_empty() || random.percent(55) {
            text.push(opens);
            open.push(closes);
        } else {
            text.extend(open.pop());
        }
    }
    text.extend(open.into_iter().rev());
    text
}

struct Calculation<'a> {
    operators: &'a [char],
    brackets: Option<(char, char)>,
}

impl Calculation<'_> {
    /// Operators between operands, some of which are calculations in brackets, so many levels deep at most.
    fn of_depth(&self, depth: usize, random: &mut Random) -> Vec<char> {
        let mut tokens = self.operand(depth, random);
        for _ in 0..1 + random.below(3) {
            tokens.push(self.operators[random.below(self.operators.len())]);
            tokens.extend(self.operand(depth, random));
        }
        tokens
    }

    fn operand(&self, depth: usize, random: &mut Random) -> Vec<char> {
        match self.brackets {
            Some((open, close)) if depth > 0 && random.percent(35) => {
                let inner = self.of_depth(depth - 1, random);
                [open].into_iter().chain(inner).chain([close]).collect()
            }
            _ => vec![operand(random)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of these symbols by 400 seeds.
    fn texts(symbols: &[char]) -> Vec<String> {
        (0..400).map(|seed| formula(symbols, &mut Random::new(seed, &[]))).collect()
    }

    #[test]
    fn calculations_have_operators_between_operands_and_brackets_around_both() {
        let found = texts(&['+', '*', '(', ')']);
        let has = |is: &dyn Fn(&str) -> bool| found.iter().any(|text| is(text));
        assert!(has(&|text| text.len() == 3 && &text[1..2] == "+"));
        assert!(has(&|text| text.contains(")*(") || text.contains(")+(")));
        assert!(has(&|text| text.contains("((")));
    }

    #[test]
    fn brackets_of_several_kinds_are_nested() {
        let found = texts(&['[', ']', '{', '}']);
        assert!(found.iter().any(|text| text.contains("[{}")), "{found:?}");
    }
}
