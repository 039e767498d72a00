use std::time::Duration;

use super::*;
use crate::cli::demo::figures::{Figures, Tone};
use crate::cli::demo::record::picture;

fn figures() -> Figures {
    Figures::new(["first", "second"], Duration::from_secs(10), 5)
}

#[test]
fn what_stays_is_written_once_and_what_changes_has_its_time() {
    let mut figures = figures();
    let mut pictures = vec![picture(&figures)];
    figures.tell(Tone::Bad, "it fails <now> & then".to_owned());
    pictures.push(picture(&figures));
    figures.log.clear();
    pictures.push(picture(&figures));
    let svg = animation(&pictures);
    assert_eq!(svg.matches("accepted").count(), 1, "{svg}");
    let at = svg.find("&lt;now&gt;").unwrap();
    let group = svg[..at].rfind("<g").unwrap();
    assert!(svg[group..].starts_with("<g class=\"t1-2\">"), "{svg}");
    assert!(svg.contains("@keyframes t1-2{0%{visibility:hidden}"), "{svg}");
    assert!(!svg.contains("<now>") && svg.contains(">it fails &lt;now&gt; &amp; then</text>"), "{svg}");
}

#[test]
fn it_is_well_formed() {
    let figures = figures();
    let svg = animation(&[picture(&figures)]);
    for element in ["svg", "g", "text", "title", "style"] {
        let opened = svg.matches(&format!("<{element}")).count();
        assert_eq!(opened, svg.matches(&format!("</{element}>")).count(), "{element}");
    }
}
