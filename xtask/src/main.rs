//! `cargo xtask`: what a person would otherwise have to remember.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks on its terminal")]

mod bench;
mod ci;
mod deny;
mod dist;
mod graph;
mod light;
mod llvm;
mod models;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

use shell::{Failure, Result};

struct Task {
    name: &'static str,
    usage: &'static str,
    summary: &'static str,
    details: &'static str,
    run: fn(&[String]) -> Result,
}

const TASKS: [Task; 7] =
    [test::TASK, ci::TASK, bench::TASK, dist::TASK, light::TASK, deny::TASK, models::TASK];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result {
    let Some((name, rest)) = args.split_first() else {
        print!("{}", overview());
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", overview());
        return Ok(());
    }
    let task = TASKS
        .iter()
        .find(|task| task.name == name)
        .ok_or_else(|| Failure::new(format!("there is no task `{name}`\n\n{}", overview())))?;
    // What follows `--` belongs to the program that the task starts.
    if rest.iter().take_while(|arg| *arg != "--").any(|arg| matches!(arg.as_str(), "--help" | "-h")) {
        println!("{}\n\nUsage: cargo xtask {}\n\n{}", task.summary, task.usage, task.details);
        return Ok(());
    }
    (task.run)(rest)
}

fn overview() -> String {
    let tasks: Vec<String> =
        TASKS.iter().map(|task| format!("  {:<6} {}\n", task.name, task.summary)).collect();
    format!(
        "Usage: cargo xtask <task> [options]\n\n{}\n`cargo xtask <task> --help` tells more.\n",
        tasks.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_names_every_task_once() {
        let text = overview();
        for task in &TASKS {
            assert_eq!(text.matches(&format!("\n  {} ", task.name)).count(), 1, "{}", task.name);
            assert!(task.usage.starts_with(task.name));
        }
    }

    #[test]
    fn an_unknown_task_is_an_error_and_help_is_not() {
        assert!(dispatch(&["tset".to_owned()]).is_err());
        assert!(dispatch(&["--help".to_owned()]).is_ok());
        assert!(dispatch(&["ci".to_owned(), "--help".to_owned()]).is_ok());
    }
}
