//! The renderer here against the one of the `handlebars` crate: what both accept, both print alike.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Escape, RenderLimits, Template, object};

fn variables() -> Value {
    json!({
        "a": { "b": "<b>", "c": [1, 2, { "d": "deep" }] },
        "list": ["x", "y & z", null, true, 0, 7],
        "object": { "k1": "v1", "k2": { "b": "inner" } },
        "yes": true, "no": false, "zero": 0, "text": "line\nbreak", "empty": "", "none": null, "nothing": [],
    })
}

fn reference(source: &str) -> Result<String, handlebars::RenderError> {
    handlebars::Handlebars::new().render_template(source, &variables())
}

fn assert_parity(source: &str) {
    let ours = super::html(source, variables());
    let theirs = reference(source);
    assert_eq!(ours.ok(), theirs.ok(), "{source:?}");
}

#[test]
fn white_space_paths_and_blocks_are_those_of_handlebars() {
    for source in [
        "a\n  {{#if yes}}\n  b\n  {{else}}\n  c\n  {{/if}}\nd",
        "a {{~#if yes~}} b {{~/if~}} c {{~text~}} \n d",
        "  {{! comment }}  \nnext\n{{!-- long }} --}}\nend {{!-- dashes }} end",
        "\\{{text}} \\\\{{yes}} \\\\\\{{yes}} \\{{{{text}} a\\b {{yes}}\\",
        "{{#each list}}{{@index}}:{{this}}{{#unless @last}}, {{/unless}}{{/each}}",
        "{{#each object}}{{@key}}={{this}}/{{b}}{{#if @first}}!{{/if}}{{/each}}",
        "{{#each list as |v i|}}{{#each ../a.c as |w|}}{{v}}{{i}}{{w}}{{@index}}{{@../index}};{{/each}}{{/each}}",
        "{{#with a}}{{b}}{{../yes}}{{@root.text}}{{#with c.[2]}}{{d}}{{../b}}{{../../yes}}{{/with}}{{/with}}",
        "{{#with a as |x|}}{{x.b}}{{#each x.c as |y|}}{{y}}{{x.b}}{{/each}}{{/with}}",
        "{{#each nothing}}a{{else}}b{{/each}}{{#with none}}a{{else}}b{{/with}}",
        "{{#if no}}1{{else if zero}}2{{else if yes}}3{{else}}4{{/if}}{{#if zero includeZero=true}}5{{/if}}",
        "{{#each list}}{{#with ../a}}{{b}}{{@index}}{{/with}}{{/each}}{{a.c}}{{list}}{{object}}",
        "{{lookup list 1}}{{lookup object 'k1'}}{{#with (lookup a 'c')}}{{this}}{{/with}}",
        "{{#each (lookup a 'c')}}{{this}}{{@index}}{{/each}}{{#eq zero 0}}same{{else}}other{{/eq}}",
        "{{{a.b}}}{{&a.b}}{{a.b}}{{this.a.b}}{{./a/b}}{{[text]}}{{a.c.2.d}}{{a.c.9}}{{yes.x}}",
        "  {{#each list}}  \n  - {{this}}\r\n  {{/each}}\t\n tail\u{a0}{{~no}} \u{2003}",
    ] {
        assert_parity(source);
    }
}

/// A random template, of parts that both renderers have.
pub(super) fn template() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "a",
        "a.b",
        "a.c",
        "a.c.0",
        "list",
        "object",
        "yes",
        "no",
        "zero",
        "text",
        "empty",
        "none",
        "nothing",
        "missing",
        "this",
        "this.b",
        "../a",
        "../../yes",
        "@root.text",
        "@index",
        "@key",
        "@first",
        "v",
        "v.b",
        "k",
    ]);
    let text = prop::sample::select(vec!["t", "\n", "  ", " \n ", "<p>", "\\", "é\n\n  x", "\t"]);
    let call = prop_oneof![
        path.clone().prop_map(str::to_owned),
        (
            prop::sample::select(vec!["eq", "ne", "gt", "lte", "and", "or", "lookup"]),
            path.clone(),
            path.clone()
        )
            .prop_map(|(name, a, b)| format!("({name} {a} {b})")),
        path.clone().prop_map(|a| format!("(not (len {a}))")),
    ];
    let tag = (call.clone(), any::<[bool; 2]>(), any::<bool>()).prop_map(|(call, tilde, raw)| {
        let inner = call.strip_prefix('(').and_then(|call| call.strip_suffix(')')).unwrap_or(&call);
        let [before, after] = tilde.map(|tilde| if tilde { "~" } else { "" });
        if raw { format!("{{{{{{{inner}}}}}}}") } else { format!("{{{{{before}{inner}{after}}}}}") }
    });
    let leaf = prop_oneof![text.prop_map(str::to_owned), tag];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let parts = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        let block = prop::sample::select(vec!["if", "unless", "each", "with", "each|"]);
        (block, call.clone(), parts.clone(), parts, any::<[bool; 3]>()).prop_map(
            |(block, on, then, or, flags)| {
                let [tilde, has_else, chained] = flags;
                let tilde = if tilde { "~" } else { "" };
                let (name, params) = if block == "each|" { ("each", " as |v k|") } else { (block, "") };
                let or = match (has_else, chained) {
                    (false, _) => String::new(),
                    (true, true) => format!("{{{{else if {on}}}}}{or}{{{{{tilde}else}}}}{or}"),
                    (true, false) => format!("{{{{else{tilde}}}}}{or}"),
                };
                format!("{{{{#{name} {on}{params}{tilde}}}}}{then}{or}{{{{{tilde}/{name}}}}}")
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_templates_print_what_handlebars_prints(source in template()) {
        // What they refuse while rendering (an array asked for a name) is merely missing here.
        if let Ok(theirs) = reference(&source) {
            let ours = Template::compile(&source, Escape::Html)
                .and_then(|template| template.render(&object(variables()), &RenderLimits::default()));
            prop_assert_eq!(ours, Ok(theirs), "{:?}", source);
        }
    }
}
