//! The answer, for people.

use std::fmt::Write as _;

use serde_json::Value;

const HEADS: [&str; 9] =
    ["CONNECTION", "PROVIDER", "PRIORITY", "WEIGHT", "BREAKER", "SUCCESS", "LATENCY", "IN FLIGHT", "SKIPPED"];

/// Rule, tiers and decision, line by line.
pub(super) fn render(answer: &Value) -> String {
    let mut text = String::new();
    let rule = match word(&answer["rule"]["name"]) {
        name if name == "-" => "none; the connections' own priorities decide".to_owned(),
        name if answer["rule"]["is_default"] == true => format!("{name} (the default)"),
        name => name,
    };
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:<10} {value}");
        }
    };
    line("mode", &word(&answer["mode"]));
    line("rule", &rule);
    line("strategy", &word(&answer["strategy"]));
    line("suppressed", &words(&answer["suppressed"]));
    line("decision", &decision(&answer["decision"]));
    if answer["refused"].is_object() {
        line("refused", &word(&answer["refused"]["message"]));
    }
    text.push('\n');
    text.push_str(&tiers(answer));
    if answer["health_known"] == false {
        let note = "\nHow connections do only the running server knows: ask that with --url.\n";
        text.push_str(note);
    }
    text
}

fn tiers(answer: &Value) -> String {
    let mut rows = vec![std::iter::once("TIER").chain(HEADS).map(str::to_owned).collect::<Vec<_>>()];
    for (number, tier) in (1..).zip(answer["tiers"].as_array().into_iter().flatten()) {
        for one in tier.as_array().into_iter().flatten() {
            rows.push(row(number, one));
        }
    }
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn row(tier: u32, one: &Value) -> Vec<String> {
    let (breaker, health) = (&one["breaker"], &one["health"]);
    let until = if breaker["until"].is_null() {
        String::new()
    } else {
        format!(" until {}", word(&breaker["until"]))
    };
    let success = health["success_rate"].as_f64().map(|rate| format!("{:.0} %", rate * 100.0));
    let latency = health["latency_ms"].as_u64().map(|time| format!("{time} ms"));
    let flight = |limit: &Value| format!("{} of {}", word(&health["in_flight"]), word(limit));
    let in_flight = Some(&health["in_flight_limit"]).filter(|limit| !limit.is_null()).map(flight);
    let or_not = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    let name = match word(&one["display_name"]) {
        name if name == "-" => word(&one["provider_connection_id"]),
        name => name,
    };
    vec![
        tier.to_string(),
        name,
        word(&one["provider"]),
        word(&one["priority"]),
        word(&one["weight"]),
        format!("{}{until}", word(&breaker["state"])),
        or_not(success),
        or_not(latency),
        or_not(in_flight),
        word(&one["skipped"]["reason"]),
    ]
}

fn decision(decision: &Value) -> String {
    let to = words(&decision["recipients"]);
    let until = word(&decision["until"]);
    let mut text = match decision["action"].as_str().unwrap_or_default() {
        "send" => {
            let (name, id) = (word(&decision["display_name"]), word(&decision["provider_connection_id"]));
            let ahead = if decision["ahead"] == true { ", ahead of its breaker's time" } else { "" };
            format!("send by {name} ({id}) to {to}{ahead}")
        }
        "wait" if until == "-" => format!("wait; nothing can be sent now to {to}"),
        "wait" => format!("wait until {until} with {to}"),
        "suppress" => "nobody is left to send to".to_owned(),
        other => word(&Value::from(other)),
    };
    let given_up = words(&decision["given_up"]);
    if !given_up.is_empty() {
        let _ = write!(text, "; nothing can carry it to {given_up}");
    }
    text
}

fn words(list: &Value) -> String {
    let each: Vec<_> = list.as_array().into_iter().flatten().map(word).collect();
    each.join(", ")
}

/// A value on one line.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

/// The text on one line: what a server says must not move the cursor of a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { '?' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_a_table_that_no_name_can_break() {
        let answer = json!({
            "mode": "live", "strategy": "weighted", "rule": { "name": "Codes", "is_default": false },
            "suppressed": ["gone@example.com"], "refused": null, "health_known": false,
            "decision": { "action": "wait", "recipients": ["ada@example.com"], "until": "2026-01-01T00:00:00Z" },
            "tiers": [[{
                "provider_connection_id": "x", "display_name": "Re\u{1b}[2Jlay", "provider": "smtp", "priority": null,
                "weight": 3, "breaker": { "state": "open", "until": "2026-01-01T00:00:00Z" }, "health": null,
                "skipped": { "reason": "fails" },
            }]],
        });
        let text = render(&answer);
        for part in [
            "rule       Codes\n",
            "wait until 2026-01-01T00:00:00Z with ada@example.com",
            "Re?[2Jlay",
            "--url",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let lines: Vec<_> =
            text.lines().filter(|line| line.contains("CONNECTION") || line.contains("Re?")).collect();
        assert_eq!(lines[0].find("WEIGHT"), lines[1].find("3 "), "{text}");
        assert!(lines[1].ends_with("fails"), "{text}");
        // Whatever answers, it is printed.
        assert!(render(&json!({})).contains("CONNECTION"));
    }
}
