//! Summarises the numbers of standard input.

use std::io::Read;

use rust_trim_unused::summarise;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let trim = match words.as_slice() {
        [option, value] if option == "--trim" => value.parse().ok(),
        [] => Some(0),
        _ => None,
    };
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text).is_ok();
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match (read, trim, numbers) {
        (true, Some(trim), Ok(numbers)) if numbers.len() > 2 * trim => {
            let (n, mean, sd) = summarise(&numbers, trim);
            println!("{{\"n\": {n}, \"mean\": {mean}, \"sd\": {sd}}}");
        }
        _ => {
            eprintln!("rust-trim-unused: these are no numbers, or too few");
            std::process::exit(2);
        }
    }
}
