use rust_tests_behind_a_feature::add;

#[test]
fn a_million_digits() {
    let nines = "9".repeat(1_000_000);
    let sum = add(&nines, "1").expect("a number");
    assert_eq!(sum.len(), 1_000_001);
}
