//! Links in bodies, and the tokens in them.

use html5gum::{Token, Tokenizer};
use proptest::prelude::*;

use super::*;
use crate::engine::render_marked_for_tests as marked;
use crate::id::{MessageId, TenantId};
use crate::message::{Email, EmailBuilder, HeaderName, Lane, Topic, TrackedBy, Tracking, Unsubscribe};
use crate::provider::{Content, Outgoing};
use crate::router::Requirements;
use crate::vault::{Vault, VaultKey};

fn keys() -> LinkKeys {
    LinkKeys::of(&Vault::new(VaultKey::from_bytes([7; 32])))
}

fn tracker() -> Tracker {
    Tracker::new("https://mail.example.com/", keys()).unwrap()
}

fn link(kind: LinkKind) -> Link {
    let (tenant, message) = (TenantId::from_bytes([1; 16]), MessageId::from_bytes([2; 16]));
    Link { tenant, message, recipient: Some(0), kind }
}

fn click(target: &str) -> Link {
    link(LinkKind::Click { target: target.to_owned() })
}

fn email() -> EmailBuilder {
    Email::to("ada@example.com").from("Acme <hi@acme.example>").subject("Hello")
}

fn made(email: EmailBuilder) -> Content {
    marked(&tracker(), TenantId::from_bytes([1; 16]), MessageId::from_bytes([2; 16]), &email.build().unwrap())
}

/// Leads every link to a short address that tells its place, and keeps where it led.
fn follow(html: &str, image: Option<&str>) -> (String, Vec<String>) {
    let mut targets = Vec::new();
    let made = rewrite(
        html,
        |target| {
            targets.push(target.to_owned());
            Some(format!("L{}", targets.len()))
        },
        image,
    );
    (made.html.into_owned(), targets)
}

#[test]
fn links_are_found_as_a_browser_finds_them() {
    for (html, made, targets) in [
        ("<a href=\"https://a.example/\">x</a>", "<a href=\"L1\">x</a>", vec!["https://a.example/"]),
        ("<A HREF='HTTP://a.example'>", "<A HREF='L1'>", vec!["HTTP://a.example"]),
        ("<a href=https://a.example/?a=1&b=2>", "<a href=L1>", vec!["https://a.example/?a=1&b=2"]),
        (
            "é\r\n&amp;<a\r\n class=x href = \" https://a.example/?a=1&amp;b=&quot;2&#x21; \"\r\n>",
            "é\r\n&amp;<a\r\n class=x href = \"L1\"\r\n>",
            vec!["https://a.example/?a=1&b=\"2!"],
        ),
        (
            "<area href=https://a.example/ href=https://b.example/>",
            "<area href=L1 href=https://b.example/>",
            vec!["https://a.example/"],
        ),
        (
            "<![if !mso]><a href=https://a.example/>x</a><![endif]>",
            "<![if !mso]><a href=L1>x</a><![endif]>",
            vec!["https://a.example/"],
        ),
        ("<a href=https://a.example/é?ü>", "<a href=L1>", vec!["https://a.example/é?ü"]),
    ] {
        let (rewritten, found) = follow(html, None);
        assert_eq!(
            (rewritten.as_str(), found),
            (made, targets.into_iter().map(str::to_owned).collect()),
            "{html}"
        );
    }
}

#[test]
fn what_is_no_link_to_the_web_stays() {
    for html in [
        "<a href=\"mailto:ada@example.com\">",
        "<a href=\"tel:+123\">",
        "<a href=\"#top\">",
        "<a href=\"cid:logo\">",
        "<a href=\"/relative\">",
        "<a href=\"//host/x\">",
        "<a href=\"\">",
        "<a href>",
        "<a href=\"https://\">",
        "<a href=\"https:///x\">",
        "<a href=\"https://user@bank.example/\">",
        "<a href=\"https://bücher.example/\">",
        "<a href=\"javascript:alert(1)\">",
        "<a href=\"java\nscript:https://a.example\">",
        "<a href=\"https://a.example/\" data-no-track>",
        "<a COURIERX-NO-TRACK href=\"https://a.example/\">",
        "<a href=\"https://a.example/\" clicktracking=OFF>",
        "<link href=\"https://a.example/\">",
        "<base href=\"https://a.example/\">",
        "<img src=\"https://a.example/\">",
        "<!-- <a href=\"https://a.example/\"> -->",
        "<!--[if mso]><a href=\"https://a.example/\">x</a><![endif]-->",
        "<script>var x = '<a href=\"https://a.example/\">'</script>",
        "<style>/* <a href=\"https://a.example/\"> */</style>",
        "<textarea><a href=\"https://a.example/\"></textarea>",
        "<title><a href=\"https://a.example/\"></title>",
        "<p title='<a href=\"https://a.example/\">'>",
        "<a href=\"https://a.example/",
        "https://a.example/",
        "",
    ] {
        assert_eq!(follow(html, None), (html.to_owned(), Vec::new()), "{html}");
    }
    let long = format!("<a href=\"https://a.example/{}\">", "x".repeat(MAX_TARGET_BYTES));
    assert_eq!(follow(&long, None).0, long);
}

#[test]
fn the_image_goes_to_the_end_of_the_body() {
    for (html, made) in [
        ("<body>x</body></html>", "<body>x<I></body></html>"),
        ("<BODY>x</BODY >", "<BODY>x<I></BODY >"),
        ("<!-- </body> -->x", "<!-- </body> -->x<I>"),
        ("a</body>b</body><!-- </body> -->", "a</body>b<I></body><!-- </body> -->"),
        ("x", "x<I>"),
        ("", "<I>"),
        ("</body>", "<I></body>"),
    ] {
        assert_eq!(follow(html, Some("<I>")).0, made, "{html}");
    }
}

#[test]
fn a_token_is_believed_whole_or_not_at_all() {
    let keys = keys();
    let links = [
        click("https://a.example/"),
        link(LinkKind::Open),
        Link { recipient: None, ..link(LinkKind::Open) },
        link(LinkKind::Unsubscribe { topic: None }),
        link(LinkKind::Unsubscribe { topic: Some(Topic::new("news é").unwrap()) }),
    ];
    for link in links {
        let token = keys.sign(&link);
        assert_eq!(keys.read(&token), Ok(link.clone()));
        assert_eq!(keys.sign(&link), token);
        for place in 0..token.len() {
            for other in ["A", "B", "_", "=", "+", ""] {
                let mut altered = token.clone();
                altered.replace_range(place..=place, other);
                assert!(altered == token || keys.read(&altered).is_err(), "{altered}");
            }
            assert!(keys.read(&token[..place]).is_err());
        }
        assert!(keys.read(&format!("{token}A")).is_err() && keys.read(&format!("{token}=")).is_err());
        let strangers = LinkKeys::of(&Vault::new(VaultKey::from_bytes([8; 32])));
        assert_eq!(strangers.read(&token), Err(InvalidLink));
    }
    assert!(keys.read("").is_err() && keys.read(&"A".repeat(1 << 20)).is_err());
}

#[test]
fn what_a_retired_key_signed_is_believed() {
    let token = keys().sign(&click("https://a.example/"));
    let vault = Vault::new(VaultKey::from_bytes([9; 32])).with_retired(VaultKey::from_bytes([7; 32]));
    let keys = LinkKeys::of(&vault);
    assert_eq!(keys.read(&token), Ok(click("https://a.example/")));
    assert_ne!(keys.sign(&click("https://a.example/")), token);
}

#[test]
fn only_an_address_is_one_to_put_links_below() {
    for base in ["https://a.example", "http://localhost:4000/", "https://a.example/mail", "http://[::1]:80"] {
        assert!(Tracker::new(base, keys()).is_ok(), "{base}");
    }
    for base in [
        "",
        "a.example",
        "https://",
        "https:///x",
        "ftp://a.example",
        "https://a.example/?x",
        "https://a\"b",
        "https://a b",
    ] {
        assert!(Tracker::new(base, keys()).is_err(), "{base}");
    }
}

#[test]
fn what_we_count_no_provider_counts() {
    let html = "<body><a href=\"https://a.example/?a=1&amp;b=2\">x</a></body>";
    let ours = || email().html(html).text("https://a.example/").tracked_by(TrackedBy::CourierX);
    let content = made(ours().tracking(Tracking::ON));
    let shown = content.html().unwrap();
    let token = shown.split("https://mail.example.com/t/c/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(keys().read(token), Ok(click("https://a.example/?a=1&b=2")));
    let token =
        shown.split("<img src=\"https://mail.example.com/t/o/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(keys().read(token), Ok(link(LinkKind::Open)));
    assert!(shown.ends_with("></body>"));
    assert_eq!(content.text(), Some("https://a.example/"));
    assert_eq!(Requirements::of(content.email()).tracking, Tracking::default());
    assert_eq!(content.html(), made(ours().tracking(Tracking::ON)).html());
    assert!(content.headers().is_empty());
    assert_eq!(Outgoing::builder(content).build().tracking(), Tracking::OFF);
    // What must not be counted, nobody counts.
    let half = made(ours().tracking(Tracking { opens: Some(true), clicks: Some(false) }));
    assert!(half.html().unwrap().contains("/t/o/") && !half.html().unwrap().contains("/t/c/"));
    assert_eq!(Requirements::of(half.email()).tracking, Tracking { opens: None, clicks: Some(false) });
    for untouched in [ours(), email().html(html).tracking(Tracking::ON)] {
        assert_eq!(made(untouched).html(), Some(html));
    }
    // Several recipients have one content: who of them read it cannot be told.
    let several = made(ours().cc("bob@example.com").tracking(Tracking { opens: Some(true), clicks: None }));
    let token = several.html().unwrap().split("/t/o/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(keys().read(token).unwrap().recipient, None);
}

#[test]
fn mail_to_many_can_be_left() {
    let header = |content: &Content, name| content.headers().get(name).map(|value| value.as_str().to_owned());
    let bulk = || email().text("x").lane(Lane::Bulk);
    let content = made(bulk());
    let value = header(&content, "List-Unsubscribe").unwrap();
    let token = value.strip_prefix("<https://mail.example.com/t/u/").unwrap().strip_suffix('>').unwrap();
    assert_eq!(keys().read(token), Ok(link(LinkKind::Unsubscribe { topic: None })));
    assert_eq!(header(&content, "List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    assert!(content.estimated_bytes() > content.email().estimated_bytes() + 100);
    let own = HeaderName::new("List-Unsubscribe").unwrap();
    for (untouched, has) in [
        (bulk().unsubscribe(Unsubscribe::No), false),
        (bulk().header(own, "<mailto:stop@acme.example>"), true),
        (bulk().cc("bob@example.com"), false),
        (email().text("x"), false),
    ] {
        let content = made(untouched);
        assert_eq!(header(&content, "List-Unsubscribe").is_some(), has);
        assert_eq!(header(&content, "List-Unsubscribe-Post"), None);
    }
    let topic = Some(Topic::new("news").unwrap());
    let asked = email().text("Leave: {{unsubscribe_url}}").variable("name", "Ada");
    let content = made(asked.unsubscribe(Unsubscribe::Yes(topic.clone())));
    let token =
        content.text().unwrap().strip_prefix("Leave: https://mail.example.com/t/u/").unwrap().to_owned();
    assert_eq!(keys().read(&token), Ok(link(LinkKind::Unsubscribe { topic })));
    assert_eq!(header(&content, "list-unsubscribe"), Some(format!("<https://mail.example.com/t/u/{token}>")));
    let several = email().cc("bob@example.com").text("x").unsubscribe(Unsubscribe::Yes(None)).build();
    assert!(several.unwrap_err().to_string().contains("one recipient"));
}

#[test]
fn links_to_leave_by_are_not_counted() {
    let html = "<a href=\"{{unsubscribe_url}}\">leave</a><a href=\"https://acme.example/stop\">stop</a><a href=\"https://acme.example/\">x</a>";
    let own = HeaderName::new("List-Unsubscribe").unwrap();
    let email = email().html(html).variable("a", 1).header(own, "<https://acme.example/stop>");
    let email = email.unsubscribe(Unsubscribe::Yes(None)).tracked_by(TrackedBy::CourierX);
    let content = made(email.tracking(Tracking { opens: None, clicks: Some(true) }));
    let shown = content.html().unwrap();
    assert_eq!(shown.matches("/t/c/").count(), 1, "{shown}");
    assert!(shown.contains("/t/u/") && shown.contains("\"https://acme.example/stop\""));
}

/// Every `href` of `a` and `area` in the source, as a second reading of it finds them.
fn hrefs(html: &str) -> Vec<String> {
    let mut emitter = html5gum::DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let mut found = Vec::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        if let Token::StartTag(tag) = token
            && matches!(&tag.name[..], b"a" | b"area")
            && let Some(href) = tag.attributes.get(&b"href"[..])
        {
            found.push(String::from_utf8_lossy(href).into_owned());
        }
    }
    found
}

fn soup() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => any::<String>(),
        2 => "[a-z<>&\"'=/! \r\n\t-]{0,12}",
        2 => r"https?://[a-z.]{1,10}/[a-z?&=;#%\u{e9}]{0,10}".prop_map(|url| format!("<a href=\"{url}\">")),
        2 => "https?://[a-z.]{1,10}/[a-z?&=;#%]{0,10}".prop_map(|url| format!("<a x href={url} y>")),
        3 => prop::sample::select(vec![
            "<a ", "<area ", "href=", "HREF = '", "https://a.example/", "&amp;", "&", "&#13;", "\"", "'", ">", "/>", "</a>",
            "<!--", "-->", "<![if !mso]>", "<![endif]>", "<script>", "</script>", "<style>", "</style>", "<title>", "</title>",
            "<svg>", "<![CDATA[", "]]>", "<textarea>", "<plaintext>", "</body>", "</BODY x='>'>", "<body>", "\0", "\r\n", "\u{feff}",
            "é", "😀", "<?xml", "</", "<", "data-no-track", "clicktracking=off", "<a href='https://a.example/&quot;' href=\"https://b\">",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// One link led elsewhere, or the image put in, leaves every byte before and after it.
    #[test]
    fn every_other_byte_stays(html in soup()) {
        let around = |made: &str, mark: &str| {
            let (before, after) = made.split_once(mark).unwrap();
            assert!(html.starts_with(before) && html.ends_with(after), "{html:?}");
            html[before.len()..html.len() - after.len()].to_owned()
        };
        prop_assume!(!html.contains("MARK"));
        let found = follow(&html, None).1;
        for (place, target) in found.iter().enumerate() {
            let mut seen = 0..;
            let made = rewrite(&html, |_| (seen.next() == Some(place)).then(|| "MARK".to_owned()), None);
            let replaced = around(&made.html, "MARK");
            // Alone in a tag it means what it meant.
            let quote = if replaced.contains('"') { '\'' } else { '"' };
            prop_assume!(!replaced.contains(quote));
            prop_assert_eq!(follow(&format!("<a href={quote}{replaced}{quote}>"), None).1, [target.clone()]);
        }
        let made = rewrite(&html, |_| None, Some("MARK"));
        prop_assert_eq!(around(&made.html, "MARK"), "");
        prop_assert_eq!(rewrite(&html, |_| None, None).html, html.as_str());
    }

    /// What a browser reads of the rewritten body is what it read before, with each link led elsewhere.
    #[test]
    fn links_lead_where_they_led(html in soup()) {
        let keys = keys();
        let mut leads = 0;
        let made = rewrite(&html, |target| {
            leads += 1;
            Some(format!("https://t.example/t/c/{}", keys.sign(&click(target))))
        }, None);
        let (before, after) = (hrefs(&html), hrefs(&made.html));
        prop_assert_eq!(before.len(), after.len(), "{:?}", html);
        let mut changed = 0;
        for (before, after) in before.iter().zip(&after) {
            if let Some(token) = after.strip_prefix("https://t.example/t/c/") && after != before {
                let trimmed = before.trim_matches(|c: char| c.is_ascii_control() || c == ' ');
                prop_assert_eq!(keys.read(token), Ok(click(trimmed)));
                changed += 1;
            } else {
                prop_assert_eq!(before, after);
            }
        }
        prop_assert_eq!(changed, leads);
    }

    /// A token is read as it was signed, and nothing else is.
    #[test]
    fn no_text_is_a_token(text in "[A-Za-z0-9_-]{0,200}|.{0,50}") {
        prop_assert_eq!(keys().read(&text), Err(InvalidLink));
    }

    #[test]
    fn tokens_give_back_what_they_were_given(
        tenant in any::<[u8; 16]>(), message in any::<[u8; 16]>(), recipient in prop::option::of(0..1000_u32), target in ".{1,300}",
    ) {
        let link = Link {
            tenant: TenantId::from_bytes(tenant),
            message: MessageId::from_bytes(message),
            recipient,
            kind: LinkKind::Click { target },
        };
        prop_assert_eq!(keys().read(&keys().sign(&link)), Ok(link));
    }
}
