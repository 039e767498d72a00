//! What a template prints, what is refused, and what hostile ones cannot do.

mod hostile;
mod parity;
mod property;

use serde_json::{Map, Value, json};

use super::{Escape, Missing, RenderLimits, Template, TemplateError, render};

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("variables are an object") };
    object
}

fn html(source: &str, variables: Value) -> Result<String, TemplateError> {
    render(source, Escape::Html, &object(variables), &RenderLimits::default())
}

#[test]
fn variables_are_escaped_in_html_alone() {
    let variables = object(json!({ "x": "<a href='b'>\"c\" & `d`=e" }));
    let print = |source, escape| render(source, escape, &variables, &RenderLimits::default()).unwrap();
    let escaped = "&lt;a href&#x3D;&#x27;b&#x27;&gt;&quot;c&quot; &amp; &#x60;d&#x60;&#x3D;e";
    assert_eq!(print("<p>{{x}}</p>", Escape::Html), format!("<p>{escaped}</p>"));
    assert_eq!(print("{{{x}}}|{{&x}}", Escape::Plain), print("{{x}}|{{x}}", Escape::Plain));
    assert_eq!(print("{{{x}}}", Escape::Html), "<a href='b'>\"c\" & `d`=e");
    assert_eq!(print("{{list}}{{lookup this 'x'}}", Escape::Html), escaped);
}

#[test]
fn a_name_alone_is_data_whatever_helpers_there_are() {
    let names = ["raw", "log", "len", "eq", "and", "not", "lookup", "if", "each", "with", "unless"];
    for name in names {
        assert_eq!(html(&format!("{{{{{name}}}}}"), json!({ name: "data" })), Ok("data".to_owned()));
        assert_eq!(html(&format!("{{{{{{{name}}}}}}}"), json!({ name: "data" })), Ok("data".to_owned()));
    }
    assert_eq!(html("{{len len}}", json!({ "len": [1, 2] })), Ok("2".to_owned()));
    assert_eq!(html("{{#if (len)}}{{len}}{{/if}}", json!({ "len": 7 })), Ok("7".to_owned()));
}

#[test]
fn mistakes_are_found_when_the_template_is_compiled() {
    let line = |source: &str| match Template::compile(source, Escape::Html).unwrap_err() {
        TemplateError::Syntax { line, .. }
        | TemplateError::UnknownHelper { line, .. }
        | TemplateError::Usage { line, .. }
        | TemplateError::Unsupported { line, .. } => line,
        other => panic!("{other}"),
    };
    for mistake in
        ["{{#if a}}", "{{/if}}", "{{", "{{a b}}", "{{log a}}", "{{#a}}{{/a}}", "{{eq 1}}", "{{if a}}"]
    {
        assert_eq!(line(mistake), 1, "{mistake}");
        assert_eq!(line(&format!("Dear\n{{{{name}}}},\n\n {mistake}")), 4, "{mistake}");
    }
    let place = |source: &str| Template::compile(source, Escape::Html).unwrap_err().to_string();
    assert!(place("é{{a}}\n  <p>{{ nope 1 }}").starts_with("line 2, column 6: there is no helper"));
    assert!(place("{{a}}é {{> self}}").starts_with("line 1, column 8: partials"));
    assert!(place("a\n{{#if b}}\n {{/each}}").starts_with("line 3, column 2: "));
    for unsupported in
        ["{{> a}}", "{{#> a}}{{/a}}", "{{* a}}", "{{~# *inline \"a\"}}{{/inline}}", "{{{{raw}}}}{{{{/raw}}}}"]
    {
        assert!(
            matches!(Template::compile(unsupported, Escape::Html), Err(TemplateError::Unsupported { .. })),
            "{unsupported}"
        );
    }
}

#[test]
fn strict_mode_names_what_is_missing() {
    let strict = RenderLimits::default().with_strict(true);
    let missing =
        |source| match render(source, Escape::Plain, &object(json!({ "a": { "b": null } })), &strict) {
            Err(TemplateError::MissingVariable { path }) => path.into_string(),
            other => panic!("{source}: {other:?}"),
        };
    assert_eq!(missing("{{a.b}} {{a.c}}"), "a.c");
    assert_eq!(missing("{{#each list}}{{/each}}"), "list");
    assert_eq!(missing("{{#if (eq x 1)}}{{/if}}"), "x");
    assert_eq!(missing("{{lookup a 'd'}}"), "a");
    let asks = "{{#if x}}{{else if (or x y)}}{{else}}no{{/if}}{{#each x}}{{else}} list{{/each}}";
    assert_eq!(render(asks, Escape::Plain, &Map::new(), &strict), Ok("no list".to_owned()));
    assert_eq!(html("[{{a.c}}{{x.y.z}}]", json!({ "a": [] })), Ok("[]".to_owned()));
}

#[test]
fn what_is_missing_is_noted_where_strict_mode_would_refuse() {
    let variables = object(json!({ "a": { "b": null }, "list": [{ "c": 1 }, {}] }));
    let missing = |source| {
        let template = Template::compile(source, Escape::Plain).unwrap();
        let (text, missing) = template.render_with_missing(&variables, &RenderLimits::default()).unwrap();
        let strict = template.render(&variables, &RenderLimits::default().with_strict(true));
        assert_eq!(strict.is_err(), !missing.is_empty(), "{source}");
        assert_eq!(template.render(&variables, &RenderLimits::default()), Ok(text));
        missing.paths().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(missing("{{x}}{{a.b}}{{a.c}}{{x}}{{#if y}}{{z}}{{/if}}"), "a.c x");
    assert_eq!(
        missing("{{#each list}}{{c}}{{/each}}{{#each none}}{{/each}}{{#with none}}{{/with}}"),
        "c none"
    );
    assert_eq!(missing("{{#each none}}{{else}}nothing{{/each}}{{#if (gt n 1)}}{{/if}}{{len m}}"), "m n");
    let many: String = (0..200).map(|number| format!("{{{{x{number}}}}}")).collect::<Vec<_>>().concat();
    assert_eq!(missing(&many).split(' ').count(), Missing::MAX);
}

#[test]
fn a_template_tells_which_variables_it_names() {
    let names = |source| {
        let variables = Template::compile(source, Escape::Plain).unwrap().variables();
        (variables.names().collect::<Vec<_>>().join(" "), variables.uses("anything"))
    };
    let some = |text: &str| (text.to_owned(), false);
    assert_eq!(names("no {{!-- {{a}} --}} \\{{b}}"), some(""));
    assert_eq!(
        names("{{a}}{{b.c.d}}{{{e}}}{{#if (and f (not g))}}{{h}}{{else}}{{i}}{{/if}}"),
        some("a b e f g h i")
    );
    assert_eq!(
        names("{{#each a}}{{b}}{{this}}{{@index}}{{../c}}{{@root.d}}{{else}}{{e}}{{/each}}"),
        some("a c d e")
    );
    assert_eq!(names("{{#each a as |one at|}}{{one.b}}{{at}}{{two}}{{/each}}{{one}}"), some("a one"));
    assert_eq!(names("{{#with a}}{{#each b}}{{../../c}}{{../d}}{{/each}}{{/with}}"), some("a c"));
    assert_eq!(names("{{lookup a key}}{{len b}}"), some("a b key"));
    assert_eq!(names("{{#each this}}{{x}}{{/each}}"), (String::new(), true));
    assert_eq!(names("{{lookup @root a}}"), ("a".to_owned(), true));
}

#[test]
fn numbers_compare_by_value() {
    let variables = json!({ "big": u64::MAX, "one": 1, "float": 1.0, "text": "10" });
    let print = |source: &str| html(source, variables.clone()).unwrap();
    assert_eq!(
        print("{{eq one float}} {{gte one float}} {{gt text 9}} {{lt big 1}}"),
        "true true true false"
    );
    assert_eq!(print("{{eq text 10}} {{ne one 2}} {{len text}}"), "false true 2");
}

#[test]
fn a_template_can_be_limited_further_when_it_is_rendered() {
    let template = Template::compile("{{#if a}}{{#if a}}x{{/if}}{{/if}}", Escape::Plain).unwrap();
    let render = |limits: RenderLimits| template.render(&object(json!({ "a": true })), &limits);
    let limits = RenderLimits::default();
    assert_eq!(render(limits.with_max_depth(2)), Ok("x".to_owned()));
    assert_eq!(
        render(limits.with_max_depth(1)),
        Err(TemplateError::TooDeep { line: 1, column: 1, limit: 1 })
    );
    assert_eq!(
        render(limits.with_max_source_bytes(32)),
        Err(TemplateError::SourceTooLong { bytes: 33, limit: 32 })
    );
    assert_eq!(render(limits.with_max_output_bytes(0)), Err(TemplateError::OutputTooLong { limit: 0 }));
    assert_eq!(limits.with_max_depth(1000).max_depth, RenderLimits::MAX_DEPTH);
    assert!(!format!("{template:?}").contains("if a"));
}
