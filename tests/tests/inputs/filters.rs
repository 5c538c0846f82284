//! Which executions a job wants as rows, and that the others are counted.

use serde_json::{Value, json};
use tests::system::verify;

use crate::place::{Place, SHAPES};

#[test]
fn filters_drop_executions_and_count_them_by_reason() {
    let place = Place::new(&[
        ("a.py", SHAPES),
        ("again.py", SHAPES),
        ("exits.py", "raise SystemExit(3)\n"),
        ("lacks.py", "import absent_module\n"),
    ]);
    let all = place.rows("functions");
    let filters = "--mode functions --outcomes returned --distinct content,coverage,output --fewest-events 3";
    let rows = place.run("filtered", &filters.split(' ').collect::<Vec<_>>());
    let of = |name: &str| rows.iter().filter(|row| row.source.ends_with(name)).collect::<Vec<_>>();
    assert!(of("/a.py").len() > 4 && of("/a.py").len() < all.len() / 2, "{rows:?}");
    assert!(of("/a.py").iter().all(|row| row.outcome == "returned"));
    // Each source has a row, which says what was wrong where something was.
    for name in ["/again.py", "/exits.py", "/lacks.py"] {
        assert_eq!(
            of(name).iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>(),
            ["filtered"],
            "{name}"
        );
    }
    let tally = place.tally("filtered");
    let dropped = |why: &str| tally["dropped"][why].as_u64().unwrap_or(0);
    assert_eq!((dropped("same_content"), dropped("impure")), (1, 0));
    assert!(dropped("outcome") > 2 && dropped("no_new_coverage") > 0, "{tally}");
    assert_eq!(tally["reasons"]["ModuleNotFoundError: No module named 'absent_module'"], 1);
    let total: u64 = tally["dropped"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    // What the source that was not searched again would have given is not known.
    let searched = all.iter().filter(|row| !row.source.ends_with("/again.py")).count() as u64;
    assert_eq!(total - dropped("same_content"), searched - of("/a.py").len() as u64);
    verify(&place.folder().join("filtered"), &[&place.sources()]);
}

#[test]
fn impure_and_varying_programs_can_be_left_out() {
    let place = Place::new(&[
        ("clock.py", "import time\nx = time.time_ns()\n"),
        ("plain.py", "x = 1\n"),
        ("same.py", "x = 1  \n"),
    ]);
    let outcomes = |dataset: &str, options: &[&str]| {
        let rows = place.run(dataset, options);
        rows.iter().map(|row| row.outcome.clone()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("pure", &["--pure"]), ["filtered", "returned", "returned"]);
    let alike = ["--repeat", "2", "--deterministic", "--distinct", "shape"];
    assert_eq!(outcomes("alike", &alike), ["filtered", "returned", "filtered"]);
    let dropped = &place.tally("alike")["dropped"];
    assert_eq!((&dropped["not_deterministic"], &dropped["same_shape"]), (&1.into(), &1.into()));
}

#[test]
fn each_filter_counts_what_it_drops_by_its_own_reason() {
    let place = Place::new(&[
        ("a.py", "x = 1\ny = 2\n"),
        ("b.py", "x = 1\ny = 2\n"),
        ("c.py", "import os\nx = os.environ.get('HOME')\n"),
        ("d.py", "raise ValueError(3)\n"),
    ]);
    let dropped = |name: &str, options: &[&str]| {
        place.run(name, options);
        place.tally(name)["dropped"].clone()
    };
    assert_eq!(dropped("outcomes", &["--outcomes", "returned"]), json!({ "outcome": 1 }));
    assert_eq!(dropped("pure", &["--pure"]), json!({ "impure": 1 }));
    assert_eq!(dropped("fewest", &["--fewest-events", "1000"]), json!({ "too_few_events": 4 }));
    assert_eq!(dropped("most", &["--most-events", "1"]), json!({ "too_many_events": 4 }));
    assert_eq!(dropped("content", &["--distinct", "content"]), json!({ "same_content": 1 }));
    assert_eq!(dropped("shape", &["--distinct", "shape"]), json!({ "same_shape": 1 }));
    let constant =
        Place::new(&[("e.py", "def f(n: int):\n    if n > 3:\n        return 'x'\n    return 'x'\n")]);
    let rows = constant.run("constant", &["--mode", "functions", "--distinct", "output"]);
    assert_eq!(rows.len(), 1);
    assert!(constant.tally("constant")["dropped"]["constant_output"].as_u64() > Some(0));
}
