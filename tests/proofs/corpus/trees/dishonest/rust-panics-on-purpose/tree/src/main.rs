//! Wraps standard input at the width given.

use std::io::Read;

use rust_panics_on_purpose::wrap;

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    if word == "--help" {
        println!("usage: rust-panics-on-purpose WIDTH < text");
        return;
    }
    let width = word.parse().unwrap_or(72);
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        std::process::exit(1);
    }
    println!("{}", wrap(&text, width).join("\n"));
}
