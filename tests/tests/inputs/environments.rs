//! What sources need that workers do not have.

use serde_json::json;

use crate::place::Place;

#[test]
fn missing_modules_are_ranked_by_how_many_sources_they_block() {
    let lacking = |module: &str| {
        let code = format!("import {module}\ndef f(x):\n    return x\n");
        json!({ "code": code, "test_list": ["assert f(1) == 1", "assert f(2) == 2", "assert f(3) == 3"] })
    };
    let rows =
        ["absent_one", "absent_two.inner", "absent_two", "json"].map(|module| lacking(module).to_string());
    let place = Place::new(&[("rows.jsonl", &rows.join("\n"))]);
    for (dataset, mode) in [("cases", "cases"), ("dataset", "functions")] {
        let told = place.told(&place.named(), dataset, &["--mode", mode]);
        assert!(
            told.contains("programs  lack a module\n       2  absent_two\n       1  absent_one\n"),
            "{told}"
        );
        // A source with three tests is one source.
        let reasons = &place.tally(dataset)["reasons"];
        let lacks =
            |module: &str| reasons[format!("ModuleNotFoundError: No module named '{module}'")].as_u64();
        assert_eq!((lacks("absent_one"), lacks("absent_two")), (Some(1), Some(2)), "{reasons}");
    }
    place.verify();
}
