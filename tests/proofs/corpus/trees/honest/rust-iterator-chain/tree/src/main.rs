//! Prints the initials of the name that is given.

use rust_iterator_chain::initials;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.len() < 1 || words[0] == "--help" {
        println!("usage: rust-iterator-chain NAME...");
        return;
    }
    println!("{}", initials(&words.join(" ")));
}
