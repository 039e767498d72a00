//! Templates written to hurt. All run on a small stack; a stack overflow would abort the test program.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Escape, RenderLimits, Template, TemplateError, html, object};

/// Runs `test` on a stack of 1 MiB: half of what threads get.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(1 << 20).spawn(test).unwrap().join().unwrap();
}

fn refused(source: &str) -> TemplateError {
    let start = Instant::now();
    let error = Template::compile(source, Escape::Html).expect_err("must be refused");
    let took = start.elapsed();
    // Generous for a busy machine without optimisation; quadratic work on these takes minutes.
    assert!(took < Duration::from_secs(5), "{took:?}");
    error
}

#[test]
fn deep_nesting_never_reaches_the_parser() {
    on_a_small_stack(|| {
        let deep = |unit: &str| refused(&unit.repeat((RenderLimits::MAX_SOURCE_BYTES - 100) / unit.len()));
        let inside = |unit: &str| refused(&format!("{{{{eq {} }}}}", unit.repeat(100_000 / unit.len())));
        for unit in ["{{#if a}}", "{{~# each a as |b|~}}", "{{#if a}}\n{{#each b}}", "{{#with a}}{{else}}"] {
            assert!(matches!(deep(unit), TemplateError::TooDeep { .. }), "{unit}");
        }
        for unit in ["(", "(a ", "(not ", "[", "[[1],", "{\"a\":", "a=(b ", "(a=[", "[\"a\",["] {
            assert!(matches!(inside(unit), TemplateError::TooDeep { .. }), "{unit}");
        }
        for unit in ["{{{{raw}}}}", "{{>a}}", "{{#> [a]}}", "{{#*inline \"a\"}}"] {
            assert!(matches!(deep(unit), TemplateError::Unsupported { .. }), "{unit}");
        }
        let chain = format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if a}}".repeat(30_000));
        assert!(matches!(refused(&chain), TemplateError::TooDeep { .. }));
    });
}

#[test]
fn the_deepest_template_allowed_fits_the_stack() {
    on_a_small_stack(|| {
        let depth = RenderLimits::MAX_DEPTH;
        let blocks = format!("{}x{}", "{{#if a}}".repeat(depth), "{{/if}}".repeat(depth));
        assert_eq!(html(&blocks, json!({ "a": 1 })), Ok("x".to_owned()));
        let calls = format!("{{{{not {}a{}}}}}", "(not ".repeat(depth), ")".repeat(depth));
        assert_eq!(html(&calls, json!({ "a": 1 })), Ok("false".to_owned()));
        let arrays = format!("{{{{len {}{}}}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(html(&arrays, json!({})), Ok("1".to_owned()));
        let chain = format!("{{{{#if a}}}}{}{{{{else}}}}x{{{{/if}}}}", "{{else if a}}".repeat(120));
        assert_eq!(html(&chain, json!({})), Ok("x".to_owned()));
        let inner = format!("{}{chain}{}", "{{#with a}}".repeat(4), "{{/with}}".repeat(4));
        assert_eq!(html(&inner, json!({ "a": { "a": { "a": { "a": { "b": 1 } } } } })), Ok("x".to_owned()));
    });
}

#[test]
fn long_paths_and_texts_cost_no_stack_and_little_time() {
    on_a_small_stack(|| {
        let start = Instant::now();
        for path in ["a.".repeat(100_000) + "a", "../".repeat(100_000) + "a", "this/".repeat(50_000) + "a"] {
            assert_eq!(html(&format!("{{{{{path}}}}}"), json!({ "b": 1 })), Ok(String::new()));
        }
        for text in ["\\".repeat(500_000), "\\{{".repeat(150_000), " ".repeat(500_000), "{ }".repeat(150_000)]
        {
            html(&format!("{{{{a}}}}{text}"), json!({})).unwrap();
        }
        // None of the long comments that begin here has an end of its own.
        html(&"{{!-- }}".repeat(3_000), json!({})).unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(matches!(refused(&"{{a}}".repeat(100_000)), TemplateError::TooManyTags { tags: 100_000 }));
        assert!(matches!(refused(&"{{a".repeat(100_000)), TemplateError::Syntax { .. }));
        assert!(matches!(refused(&"{{[".repeat(100_000)), TemplateError::Syntax { .. }));
        assert!(matches!(refused(&" ".repeat(600_000)), TemplateError::SourceTooLong { .. }));
    });
}

#[test]
fn tags_cannot_be_hidden_in_quotes_or_brackets() {
    for source in [
        "{{eq a \"{{/if}}\"}}",
        "{{eq a '}}{{#if a}}'}}",
        "{{[a}}{{/if}}]}}",
        "{{eq [\"]}}{{#if a}}\"]}}",
        "{{eq a \"\\\"}}{{#if a}}\"}}",
    ] {
        assert!(matches!(refused(source), TemplateError::Syntax { .. }), "{source}");
    }
    let literals =
        "{{lookup {\"a\":{\"b\":1}} \"a\"}} {{len [[1],[\"}\",2]]}} {{[first name]}}{{{ a }}}{{~{a}~}}";
    assert_eq!(html(literals, json!({ "first name": "n", "a": 1 })), Ok("[object] 2 n11".to_owned()));
}

#[test]
fn loops_are_counted_together() {
    let list = json!({ "l": vec![0; 1000] });
    let nested = "{{#each l}}{{#each ../l}}{{/each}}{{/each}}";
    assert_eq!(html(nested, list.clone()), Err(TemplateError::TooManyIterations { limit: 100_000 }));
    let once = "{{#each l}}{{/each}}".repeat(101);
    assert_eq!(html(&once, list.clone()), Err(TemplateError::TooManyIterations { limit: 100_000 }));
    assert_eq!(html(&once[20..], list), Ok(String::new()));
}

#[test]
fn work_that_no_loop_counts_is_counted() {
    let big = json!({ "l": vec![0; 10_000], "s": "x".repeat(1 << 20), "t": "x".repeat(1 << 20) });
    let paths = format!("{{{{#each l}}}}{{{{{}a}}}}{{{{/each}}}}", "a.".repeat(1000));
    let too_many = Err(TemplateError::TooManySteps { limit: 5_000_000 });
    assert_eq!(html(&paths, big.clone()), too_many);
    assert_eq!(html("{{#each l}}{{#if (eq ../s ../t)}}{{/if}}{{/each}}", big.clone()), too_many);
    assert_eq!(html("{{#each l}}{{#if (eq ../l @root.l)}}{{/if}}{{/each}}", big.clone()), too_many);
    assert_eq!(html("{{#each l}}{{#if (gt ../s 1)}}{{/if}}{{/each}}", big), too_many);
}

#[test]
fn output_stops_at_its_limit() {
    let list = json!({ "l": vec![json!("<".repeat(1000)); 50_000] });
    let too_long = Err(TemplateError::OutputTooLong { limit: 10 << 20 });
    assert_eq!(html("{{#each l}}{{this}}{{/each}}", list.clone()), too_long);
    assert_eq!(html("{{l}}", list), too_long);
    let limits = RenderLimits::default().with_max_output_bytes(5);
    let number = Template::compile("{{n}}", Escape::Plain).unwrap();
    let print = |n: u64| number.render(&object(json!({ "n": n })), &limits);
    assert_eq!(print(12345), Ok("12345".to_owned()));
    assert_eq!(print(123_456), Err(TemplateError::OutputTooLong { limit: 5 }));
}

#[test]
fn deep_variables_are_refused_where_they_are_walked() {
    on_a_small_stack(|| {
        let mut deep = Value::Null;
        for _ in 0..100_000 {
            deep = Value::Array(vec![deep]);
        }
        let mut variables = object(json!({ "a": null, "b": [[]] }));
        variables.insert("deep".to_owned(), deep);
        let print = |source| super::render(source, Escape::Html, &variables, &RenderLimits::default());
        let too_deep = Err(TemplateError::ValueTooDeep { limit: 128 });
        assert_eq!(print("{{deep}}"), too_deep);
        assert_eq!(print("{{eq deep deep}}"), too_deep);
        assert_eq!(print("{{eq deep b}}{{len deep}}{{deep.0.a}}"), Ok("false1".to_owned()));
        assert_eq!(print("{{#with deep}}{{#each this}}.{{/each}}{{/with}}"), Ok(".".to_owned()));
        // The standard drop is recursive; whoever builds such a value has to take it apart.
        let mut rest = variables.remove("deep");
        while let Some(Value::Array(mut list)) = rest {
            rest = list.pop();
        }
    });
}
