//! What a finished set of text holds, for people to read.

use indicatif::{BinaryBytes, HumanCount};
use training::{Report, Tally};

use crate::cli::summary::counted;
use crate::paint::Paint;

/// Tables of splits and of what was left out, and what to type next. Ends in a line break.
pub(super) fn summary(report: &Report, location: &str, paint: Paint) -> String {
    let Tally { executions, rendered, examples, shrunk, windows, too_long, .. } = report.tally;
    let splits = report.splits.iter().map(|(split, total)| {
        [split.name().to_owned(), count(total.examples), count(total.characters), count(total.files)]
    });
    let mut text = table(["split", "examples", "characters", "files"], splits, paint);
    let mut left_out: Vec<_> = report.tally.left_out.iter().collect();
    left_out.sort_by_key(|&(why, count)| (std::cmp::Reverse(count), why));
    if !left_out.is_empty() {
        text.push('\n');
        let left_out = left_out.into_iter().map(|(why, &executions)| [why.clone(), count(executions)]);
        text += &table(["left out", "executions"], left_out, paint);
    }
    let bytes: u64 = report.splits.values().map(|total| total.bytes).sum();
    text += &format!(
        "\n{} of {} out of {}, {}\n",
        counted(examples, "example"),
        counted(rendered, "execution"),
        count(executions),
        BinaryBytes(bytes),
    );
    for (number, what) in [
        (too_long, "examples were too long and left out"),
        (windows, "examples are pieces of longer ones"),
        (shrunk, "executions are told with fewer calls stepped into"),
    ] {
        if number > 0 {
            text += &format!("{} {what}\n", count(number));
        }
    }
    text + &format!("\nnext: datasets.load_dataset(\"{location}\") in Python\n")
}

fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// The first column is a name, the others are numbers.
fn table<const COLUMNS: usize>(
    heading: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
    paint: Paint,
) -> String {
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.fold(heading[column].len(), usize::max)
    };
    let line = |cells: [&str; COLUMNS]| {
        let mut line = format!("{:width$}", cells[0], width = width(0));
        for (column, cell) in cells.iter().enumerate().skip(1) {
            line += &format!("  {cell:>width$}", width = width(column));
        }
        line
    };
    let mut text = paint.bold(&line(heading)) + "\n";
    for row in &rows {
        text += &line(std::array::from_fn(|column| row[column].as_str()));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use training::{Split, Total};

    use super::*;

    #[test]
    fn it_reads_as_tables() {
        let total = |examples| Total { files: 1, examples, characters: examples * 1000, bytes: 512 << 10 };
        let left_out = BTreeMap::from([("similar_source".to_owned(), 7), ("no_trace".to_owned(), 30)]);
        let tally = Tally {
            executions: 1237,
            rendered: 1200,
            left_out,
            examples: 1500,
            windows: 12,
            ..Tally::default()
        };
        let splits = BTreeMap::from([(Split::Train, total(1400)), (Split::Validation, total(100))]);
        let report = Report { format_version: 1, tally, splits };
        let expected = "\
split       examples  characters  files
train          1,400   1,400,000      1
validation       100     100,000      1

left out        executions
no_trace                30
similar_source           7

1,500 examples of 1,200 executions out of 1,237, 1.00 MiB
12 examples are pieces of longer ones

next: datasets.load_dataset(\"out\") in Python
";
        assert_eq!(summary(&report, "out", Paint::plain()), expected);
    }
}
