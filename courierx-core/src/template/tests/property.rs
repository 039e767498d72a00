//! Whatever the source and the variables are, nothing panics and no limit is exceeded.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{Escape, RenderLimits, Template, parity, render};

/// Sources made of what means something to the parser, in any order.
fn token_soup() -> impl Strategy<Value = String> {
    prop::collection::vec(token(), 0..24).prop_map(|tokens| tokens.concat())
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{#if a}}",
        "{{/if}}",
        "{{#each a}}",
        "{{/each}}",
        "{{else}}",
        "{{else if a}}",
        "{{^}}",
        "{{~",
        "~}}",
        "{{!",
        "{{!--",
        "--}}",
        "{{&",
        "{{#",
        "{{/",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        "\\{{",
        "\\\\{{",
        "|",
        "as |x|",
        "a",
        "a.b",
        "../",
        "@index",
        "this",
        " ",
        "\n",
        "=",
        "1",
        "-1.5E3",
        "null",
        "é",
        "\u{2003}",
        "{",
        "}",
        ":",
        ",",
        "eq ",
        "not ",
        "lookup ",
        "else",
        "elsewhere",
        ".",
        "/",
        "@",
        "*",
        ">",
    ])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn limits() -> RenderLimits {
    RenderLimits::default().with_max_output_bytes(64).with_max_iterations(8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_soup_of_tokens_panics(source in token_soup(), a in value()) {
        let variables = Map::from_iter([("a".to_owned(), a)]);
        if let Ok(text) = render(&source, Escape::Html, &variables, &limits()) {
            prop_assert!(text.len() <= 64);
        }
    }

    #[test]
    fn no_damaged_template_panics(source in parity::template(), at in any::<prop::sample::Index>(),
                                  cut in 0..6_usize, token in token(), a in value()) {
        let mut characters: Vec<char> = source.chars().collect();
        let start = at.index(characters.len() + 1);
        let end = characters.len().min(start + cut);
        characters.splice(start..end, token.chars());
        let variables = Map::from_iter([("a".to_owned(), a)]);
        let _ = render(&String::from_iter(characters), Escape::Html, &variables, &limits());
    }

    #[test]
    fn no_string_panics(source in "\\PC{0,64}", wrapped in any::<bool>()) {
        let source = if wrapped { format!("{{{{{source}}}}}") } else { source };
        let _ = render(&source, Escape::Plain, &Map::new(), &limits());
    }

    #[test]
    fn what_has_no_tag_is_printed_as_it_is(source in "[^{]*") {
        let text = render(&source, Escape::Html, &Map::new(), &RenderLimits::default());
        prop_assert_eq!(text, Ok(source));
    }

    #[test]
    fn no_variable_brings_markup_into_html(a in value()) {
        let variables = Map::from_iter([("a".to_owned(), a)]);
        let template = Template::compile("{{a}}{{#each a}}{{this}}{{@key}}{{/each}}", Escape::Html).unwrap();
        let text = template.render(&variables, &RenderLimits::default()).unwrap();
        prop_assert!(!text.contains(['<', '>', '"', '\'', '`', '=']), "{}", text);
    }
}
