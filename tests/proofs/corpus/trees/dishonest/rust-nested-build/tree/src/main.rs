//! Wraps standard input at the width given.

use std::io::Read;

use rust_nested_build::wrap;

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    if word == "--help" {
        println!("usage: rust-nested-build WIDTH < text");
        return;
    }
    let width = word.parse().unwrap_or(9 * support::width_of_tab());
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        std::process::exit(1);
    }
    println!("{}", wrap(&text, width).join("\n"));
}
