//! `cargo xtask bench`: benchmarks, and the floors they must keep.

use crate::shell::{self, Result};
use crate::{Task, dist};

pub(crate) const TASK: Task = Task {
    name: "bench",
    usage: "bench [--check] [--dist] [name…] [-- options of the benchmark]",
    summary: "runs the benchmarks; --check holds their floors",
    details: "Without a name, every benchmark: those of the library, of which `smtp` needs smtp-sink and smtp-source
(`cargo xtask test --tools` puts them in place), `queue` and `growth` PostgreSQL, `queue` node and npm for its peer, and
`serve` of the server, which needs wrk.

With --check each benchmark is given COURIERX_BENCH_CHECK=1, compares its ratios with its floors and exits with
an error if one is broken; the others still run. Figures of one run compare with each other, not with those of
another machine.

With --dist the server's benchmark is of what `cargo xtask dist` built; what it is compared with is built as always.",
    run: bench,
};

fn bench(args: &[String]) -> Result {
    let mut plan = Plan::parse(args);
    let mut bench = shell::cargo(["bench", "--locked", "--package", "courierx-server"]);
    if plan.dist {
        plan.bench.extend(["--server".to_owned(), dist::built()?]);
    } else {
        bench.args(["--package", "courierx"]);
    }
    bench.args(plan.cargo_args());
    if plan.check {
        bench.env("COURIERX_BENCH_CHECK", "1");
    }
    shell::run(&mut bench)
}

#[derive(Debug, Default)]
struct Plan {
    check: bool,
    dist: bool,
    cargo: Vec<String>,
    bench: Vec<String>,
}

impl Plan {
    fn parse(args: &[String]) -> Self {
        let mut plan = Self::default();
        let mut names = 0;
        let mut ours = args.iter();
        for arg in ours.by_ref() {
            match arg.as_str() {
                "--" => break,
                "--check" => plan.check = true,
                "--dist" => plan.dist = true,
                option if option.starts_with('-') => plan.cargo.push(arg.clone()),
                _ => {
                    names += 1;
                    plan.cargo.extend(["--bench".to_owned(), arg.clone()]);
                }
            }
        }
        if names == 0 {
            // Not `--benches`: that would start the unit tests' harness too, which refuses our options.
            plan.cargo.extend(["--bench".to_owned(), "*".to_owned()]);
        }
        plan.bench.extend(ours.cloned());
        plan
    }

    fn cargo_args(&self) -> Vec<&str> {
        let mut args: Vec<&str> = self.cargo.iter().map(String::as_str).collect();
        if self.check {
            // One broken floor must not hide the next.
            args.push("--no-fail-fast");
        }
        if !self.bench.is_empty() {
            args.push("--");
            args.extend(self.bench.iter().map(String::as_str));
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cargo_args(line: &str) -> String {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Plan::parse(&args).cargo_args().join(" ")
    }

    #[test]
    fn names_choose_benchmarks_and_none_means_all() {
        assert_eq!(cargo_args(""), "--bench *");
        assert_eq!(cargo_args("queue failover"), "--bench queue --bench failover");
        assert_eq!(cargo_args("--features=sqlite"), "--features=sqlite --bench *");
    }

    #[test]
    fn the_benchmark_gets_what_follows_the_dashes() {
        assert_eq!(cargo_args("queue -- --quick --check"), "--bench queue -- --quick --check");
        assert_eq!(cargo_args("--check queue"), "--bench queue --no-fail-fast");
        assert_eq!(cargo_args("--dist serve -- --rounds 5"), "--bench serve -- --rounds 5");
    }
}
