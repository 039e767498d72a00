//! Addresses and mailboxes, case by case.

use crate::message::{Address, AddressKey, InvalidAddress, Mailbox, Problem};

fn address(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn mailbox(text: &str) -> (Option<String>, String) {
    let mailbox: Mailbox = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
    (mailbox.name().map(ToString::to_string), mailbox.address().to_string())
}

fn named(name: &str, address: &str) -> (Option<String>, String) {
    (Some(name.to_owned()), address.to_owned())
}

#[test]
fn domains_are_kept_as_a_labels_in_lower_case() {
    for (given, domain) in [
        ("ada@example.com", "example.com"),
        ("ada@EXAMPLE.Com", "example.com"),
        ("ada@ü.example", "xn--tda.example"),
        ("ada@Ü.example", "xn--tda.example"),
        ("ada@xn--tda.example", "xn--tda.example"),
        ("ada@XN--TDA.EXAMPLE", "xn--tda.example"),
        ("ada@faß.example", "xn--fa-hia.example"),
        ("ada@例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("ada@localhost", "localhost"),
        ("ada@r3---sn.example", "r3---sn.example"),
    ] {
        assert_eq!(address(given).domain(), domain, "{given}");
        assert_eq!(address(given).as_str(), format!("ada@{domain}"));
    }
}

#[test]
fn what_is_no_domain_is_refused() {
    let long_label = format!("ada@{}.example", "a".repeat(64));
    let long_domain = format!("ada@{}example", "aaaaaaa.".repeat(32));
    let huge_domain = format!("ada@{}example", "ü.".repeat(100_000));
    for text in [
        "ada@",
        "ada@.",
        "ada@.example.com",
        "ada@example.com.",
        "ada@example..com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exa_mple.com",
        "ada@exam ple.com",
        "ada@example.com>",
        "ada@xn--.example",
        "ada@xn--a\u{fc}.example",
        "ada@exam＠ple.com",
        "ada@192.0.2.1",
        "ada@example.123",
        &long_label,
        &long_domain,
        &huge_domain,
    ] {
        assert_eq!(text.parse::<Address>(), Err(InvalidAddress::Domain), "{text}");
    }
    for literal in ["ada@[127.0.0.1]", "ada@[IPv6:::1]", "ada@["] {
        assert_eq!(literal.parse::<Address>(), Err(InvalidAddress::DomainLiteral));
    }
}

#[test]
fn local_parts_are_kept_as_given() {
    for (given, local) in [
        ("Ada.Lovelace+news@example.com", "Ada.Lovelace+news"),
        ("!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~"),
        (r#""two words"@example.com"#, r#""two words""#),
        (r#""a@b"@example.com"#, r#""a@b""#),
        (r#""a\"b\\"@example.com"#, r#""a\"b\\""#),
        ("δοκιμή@example.com", "δοκιμή"),
        ("संपर्क@example.com", "संपर्क"),
    ] {
        assert_eq!(address(given).local(), local);
        assert_eq!(address(given).needs_smtputf8(), !local.is_ascii());
    }
    assert!(!address("ada@ü.example").needs_smtputf8());
}

#[test]
fn what_is_no_local_part_is_refused() {
    for text in [
        "@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "two words@example.com",
        " ada@example.com",
        "a,b@example.com",
        "a@b@example.com",
        "<ada@example.com",
        r#"""@example.com"#,
        r#"""#.to_owned().as_str(),
        r#""a"b"@example.com"#,
        r#""a\"@example.com"#,
        "ada\u{a0}@example.com",
        "ada\u{200b}@example.com",
    ] {
        let expected = if text.contains('@') { InvalidAddress::LocalPart } else { InvalidAddress::NoAt };
        assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
    }
    let long = format!("{}@example.com", "a".repeat(65));
    assert_eq!(long.parse::<Address>(), Err(InvalidAddress::LocalPartTooLong));
    // 64 bytes as given, 96 in lower case: its key would be no address.
    let grows = format!("{}@example.com", "Ⱥ".repeat(32));
    assert_eq!(grows.parse::<Address>(), Err(InvalidAddress::LocalPartTooLong));
    let whole = format!("{}@{}{}.com", "a".repeat(64), "b".repeat(60), ".bbbbbbb".repeat(16));
    assert_eq!(whole.parse::<Address>(), Err(InvalidAddress::TooLong { actual: 257 }));
    assert_eq!("".parse::<Address>(), Err(InvalidAddress::Empty));
    assert_eq!("ada".parse::<Address>(), Err(InvalidAddress::NoAt));
}

#[test]
fn characters_that_nobody_sees_are_refused() {
    // Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt): what they hide in looks like another
    // address, and would be another one to a suppression list.
    for c in "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{202e}\u{2060}\u{3164}\
              \u{fe0f}\u{feff}\u{ffa0}\u{1bca0}\u{1d173}\u{e0061}\u{e01ef}"
        .chars()
    {
        let refused = format!("a{c}da@example.com").parse::<Address>();
        assert_eq!(refused, Err(InvalidAddress::LocalPart), "{:04x}", u32::from(c));
    }
    // Persian and Indic scripts need the two joiners.
    assert!("a\u{200c}da\u{200d}x@example.com".parse::<Address>().is_ok());
}

#[test]
fn control_characters_are_refused_wherever_they_stand() {
    for character in ['\r', '\n', '\0', '\t', '\u{7f}', '\u{85}', '\u{2028}'] {
        for text in [
            format!("{character}ada@example.com"),
            format!("ada{character}@example.com"),
            format!("\"ada{character}\"@example.com"),
            format!("ada@exam{character}ple.com"),
            format!("ada@example.com{character}"),
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress::ControlCharacter { character }));
            assert_eq!(text.parse::<Mailbox>(), Err(Problem::ControlCharacter { character }));
        }
        let name = format!("Ada{character}Bcc: eve@example.com <ada@example.com>");
        assert_eq!(name.parse::<Mailbox>(), Err(Problem::ControlCharacter { character }));
    }
}

#[test]
fn spellings_of_one_address_have_one_key() {
    for (given, key) in [
        ("Ada@Example.COM", "ada@example.com"),
        (r#""ada"@example.com"#, "ada@example.com"),
        (r#""A\d\a"@example.com"#, "ada@example.com"),
        (r#""Two Words"@example.com"#, r#""two words"@example.com"#),
        (r#""a..b"@example.com"#, r#""a..b"@example.com"#),
        (r#""a\@b"@example.com"#, r#""a@b"@example.com"#),
        ("ÄDA@Ü.example", "äda@xn--tda.example"),
    ] {
        assert_eq!(address(given).key().as_str(), key);
        assert_eq!(given.parse::<AddressKey>().map(|key| key.to_string()), Ok(key.to_owned()));
    }
    assert_eq!(address(r#""a@b"@example.com"#).key().domain(), "example.com");
}

#[test]
fn mailboxes_are_read_leniently() {
    let ada = "ada@example.com";
    for (given, expected) in [
        ("ada@example.com", (None, ada.to_owned())),
        (" ada@example.com ", (None, ada.to_owned())),
        ("<ada@example.com>", (None, ada.to_owned())),
        (r#""" <ada@example.com>"#, (None, ada.to_owned())),
        ("Ada <ada@example.com>", named("Ada", ada)),
        ("Ada<ada@example.com>", named("Ada", ada)),
        ("  Ada Lovelace  < ada@example.com > ", named("Ada Lovelace", ada)),
        (r#""Lovelace, Ada" <ada@example.com>"#, named("Lovelace, Ada", ada)),
        ("Acme, Inc. (Sales) <ada@example.com>", named("Acme, Inc. (Sales)", ada)),
        (r#"Ada "The Countess" Lovelace <ada@example.com>"#, named("Ada The Countess Lovelace", ada)),
        (r#""a \"b\" \\ <c>" <ada@example.com>"#, named(r#"a "b" \ <c>"#, ada)),
        ("ada@example.com <ada@example.com>", named(ada, ada)),
        (r#""x@example.com, y" <ada@example.com>"#, named("x@example.com, y", ada)),
        ("Žofie 🦊 <ada@example.com>", named("Žofie 🦊", ada)),
        (r#"X <"a<b"@example.com>"#, named("X", r#""a<b"@example.com"#)),
        (r#""a<b,c"@example.com"#, (None, r#""a<b,c"@example.com"#.to_owned())),
    ] {
        assert_eq!(mailbox(given), expected, "{given}");
    }
}

#[test]
fn a_list_is_never_cut_down_to_one_mailbox() {
    for list in [
        "ada@example.com, bob@example.com",
        "ada@example.com;bob@example.com",
        "ada@example.com, Bob <bob@example.com>",
        "Ada <ada@example.com>, Bob <bob@example.com>",
        "Ada <ada@example.com> Bob <bob@example.com>",
    ] {
        let expected = Problem::InvalidAddress(InvalidAddress::Several);
        assert_eq!(list.parse::<Mailbox>(), Err(expected), "{list}");
    }
    for brackets in ["Ada <ada@example.com", "Ada <ada@example.com> x", "ada@example.com>", "Ada > <a@b.c>"] {
        let expected = Problem::InvalidAddress(InvalidAddress::Brackets);
        assert_eq!(brackets.parse::<Mailbox>(), Err(expected), "{brackets}");
    }
    assert!(r#""Ada <ada@example.com>"#.parse::<Mailbox>().is_err());
    assert!("ada@example.com (Ada)".parse::<Mailbox>().is_err());
}

#[test]
fn names_are_quoted_where_they_must_be() {
    for (name, written) in [
        ("Ada Lovelace", "Ada Lovelace <ada@example.com>"),
        ("Žofie", "Žofie <ada@example.com>"),
        ("Acme, Inc.", r#""Acme, Inc." <ada@example.com>"#),
        (r#"a "b" \"#, r#""a \"b\" \\" <ada@example.com>"#),
        ("=?utf-8?q?x?=", r#""=?utf-8?q?x?=" <ada@example.com>"#),
    ] {
        let mailbox = Mailbox::try_from((name, "ada@example.com")).expect("a valid mailbox");
        assert_eq!(mailbox.to_string(), written);
    }
}
