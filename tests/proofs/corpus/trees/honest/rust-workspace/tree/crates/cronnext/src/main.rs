//! Prints when a cron expression runs next.

use cron_core::civil::Minute;
use cron_core::Schedule;

const USAGE: &str = "usage: cronnext [-n COUNT] [--from 'YYYY-MM-DD HH:MM'] 'EXPRESSION'

  -n COUNT     how many times to print (1)
  --from TIME  after this time (1970-01-01 00:00)
  --help       this text";

fn run(args: &[String]) -> Result<String, String> {
    let mut count = 1;
    let mut from = Minute(0);
    let mut expression = None;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--help" => return Ok(format!("{USAGE}\n")),
            "-n" => count = value()?.parse().map_err(|_| "-n wants a number".to_string())?,
            "--from" => from = value()?.parse()?,
            other => expression = Some(other),
        }
    }
    let schedule: Schedule = expression.ok_or("no expression; try --help")?.parse()?;
    let mut out = String::new();
    for _ in 0..count {
        match schedule.next_after(from) {
            Some(at) => {
                out += &format!("{at}\n");
                from = at;
            }
            None => return Err("it does not run in the next nine years".into()),
        }
    }
    Ok(out)
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(text) => print!("{text}"),
        Err(error) => {
            eprintln!("cronnext: {error}");
            std::process::exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    fn call(args: &[&str]) -> Result<String, String> {
        run(&args.iter().map(|a| a.to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn prints_as_many_as_asked() {
        let out = call(&["-n", "2", "--from", "2024-01-01 00:00", "0 12 * * *"]).unwrap();
        assert_eq!(out, "2024-01-01 12:00\n2024-01-02 12:00\n");
    }

    #[test]
    fn says_what_is_missing() {
        assert_eq!(call(&[]).unwrap_err(), "no expression; try --help");
        assert_eq!(call(&["-n"]).unwrap_err(), "-n wants a value");
        assert!(call(&["0 0 31 2 *"]).unwrap_err().contains("nine years"));
    }
}
