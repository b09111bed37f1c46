use super::*;

fn parse(text: &str) -> Result<(), Error> {
    Xml::parse(text.as_bytes(), Caps::MESSAGE).map(|_| ())
}

#[test]
fn plain_documents_are_parsed_with_and_without_declaration() {
    for good in [
        "<a/>",
        "\u{feff}<a/>",
        "<?xml version=\"1.0\"?><a/>",
        "<?xml version='1.0' encoding='utf-8'?>\n<a b=\"&gt;&#x41;\">&lt;</a>",
        "<?xml version=\"1.0\" encoding = \"UTF-8\" standalone=\"yes\"?><a/>",
    ] {
        assert_eq!(parse(good), Ok(()), "{good}");
    }
}

#[test]
fn doctype_entities_comments_instructions_and_cdata_are_refused() {
    for bad in [
        "<!DOCTYPE a><a/>",
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a PUBLIC \"p\" \"http://127.0.0.1:1/\"><a/>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/\"> %p;]><a/>",
        "<a><!-- c --></a>",
        "<a>b<!-- c -->d</a>",
        "<!-- c --><a/>",
        "<a/><!-- c -->",
        "<a><?pi?></a>",
        "<a/><?pi?>",
        "<a><![CDATA[b]]></a>",
        "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>",
    ] {
        assert_eq!(parse(bad), Err(Error::Markup), "{bad}");
    }
}

#[test]
fn other_encodings_are_refused() {
    for bad in
        ["<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>"]
    {
        assert_eq!(parse(bad), Err(Error::Encoding));
    }
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(Xml::parse(&utf16, Caps::MESSAGE).is_err());
    assert_eq!(Xml::parse(b"<a>\xff</a>", Caps::MESSAGE).map(|_| ()), Err(Error::Encoding));
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for bad in [
        "",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a b=1/>",
        "<a b=\"1\" b=\"2\"/>",
        "<p:a/>",
        "<a>&x;</a>",
        "<a>&#0;</a>",
        "<a>]]></a>",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn identifiers_that_stand_twice_are_refused() {
    for bad in [
        "<a ID=\"x\"><b ID=\"x\"/></a>",
        "<a ID=\"x\"><b Id=\"x\"/></a>",
        "<a ID=\"x\"><b xml:id=\"x\"/></a>",
        "<a id=\"x\" ID=\"x\"/>",
    ] {
        assert_eq!(parse(bad), Err(Error::DuplicateId), "{bad}");
    }
}

#[test]
fn relative_namespaces_are_refused() {
    for bad in ["<a xmlns=\"x\"/>", "<a xmlns:b=\"../x\"/>", "<a><b xmlns:c=\"1:x\"/></a>"] {
        assert_eq!(parse(bad), Err(Error::Namespace), "{bad}");
    }
    assert_eq!(parse("<a xmlns=\"urn:x\"><b xmlns=\"\"/></a>"), Ok(()));
}

#[test]
fn size_depth_and_attributes_are_capped() {
    let long = format!("<a>{}</a>", "b".repeat(MESSAGE_BYTES));
    assert_eq!(parse(&long), Err(Error::TooLarge));
    let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
    assert_eq!(parse(&deep), Err(Error::Malformed));
    let fits = format!("{}{}", "<a>".repeat(30), "</a>".repeat(30));
    assert_eq!(parse(&fits), Ok(()));
    let wide: String = (0..200).map(|number| format!(" a{number}=\"\"")).collect();
    assert_eq!(parse(&format!("<a{wide}/>")), Err(Error::TooLarge));
    let wide: String = (0..200).map(|number| format!(" xmlns:a{number} = 'urn:x'")).collect();
    assert_eq!(parse(&format!("<a{wide}/>")), Err(Error::TooLarge));
    assert_eq!(parse(&format!("<a b=\"{}\">{}</a>", "=".repeat(500), "\"=".repeat(500))), Ok(()));
}

#[test]
fn comments_in_metadata_stand_between_elements_only() {
    let read = |text: &str| Xml::parse(text.as_bytes(), Caps::METADATA).map(|_| ());
    assert_eq!(read("<!-- a --><a>\n<!-- <b> -->\n<c/></a>"), Ok(()));
    assert_eq!(read("<a>b<!-- c --></a>"), Err(Error::Markup));
    assert_eq!(read("<a><!-- c --><![CDATA[x]]></a>"), Err(Error::Markup));
    assert_eq!(read("<!DOCTYPE a><a/>"), Err(Error::Markup));
    assert_eq!(read("<a><!-- <!DOCTYPE a> </a>"), Err(Error::Malformed));
}

#[test]
fn an_attribute_of_another_namespace_is_not_taken_for_ours() {
    let text = "<a xmlns:e=\"urn:evil\" e:ID=\"evil\" ID=\"good\"/>";
    let xml = Xml::parse(text.as_bytes(), Caps::MESSAGE).unwrap();
    assert_eq!(xml.root().unwrap().attr("ID"), Some("good"));
    assert_eq!(xml.root().unwrap().attr_ns("urn:evil", "ID"), Some("evil"));
}

#[test]
fn a_character_that_xml_cannot_hold_is_refused_wherever_it_stands() {
    for bad in
        ["\u{0}", "\u{1}", "\u{c}", "\u{1f}", "\u{fffe}", "\u{ffff}", "&#0;", "&#x1;", "&#xc;", "&#xFFFF;", "&#xD800;"]
    {
        // The parser reads values with references in them by another path than those without.
        let places = ["<a>?</a>", "<a b='?'/>", "<a b='?&amp;'/>", "<a>?&amp;</a>", "<a xmlns:p='urn:?'/>"];
        for xml in places.map(|place| place.replace('?', bad)) {
            assert_eq!(parse(&xml), Err(Error::Malformed), "{xml:?}");
        }
    }
    for good in ["\t\r\n", "\u{7f}", "\u{fffd}", "\u{ffbe}\u{1fffe}", "&#x9;&#xD;&#xA;"] {
        let xml = format!("<a b='{good}'>{good}</a>");
        assert_eq!(parse(&xml), Ok(()), "{xml:?}");
    }
}

#[test]
fn only_the_space_of_xml_is_taken_off_a_text() {
    let text = |xml: &str| {
        let xml = Xml::parse(xml.as_bytes(), Caps::MESSAGE).unwrap();
        xml.root().unwrap().text().map(std::borrow::Cow::into_owned).unwrap()
    };
    assert_eq!(text("<a>\n\t ann \r\n</a>"), "ann");
    // Whoever may choose a name could else be somebody of the same name to us, and another one to their provider.
    for other in ["\u{a0}ann", "ann\u{2003}", "\u{3000}ann", "ann\u{85}", "ann\u{2028}"] {
        assert_eq!(text(&format!("<a>{other}</a>")), other);
    }
}
