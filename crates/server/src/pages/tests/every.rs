//! What holds for every page, whatever is put into it.

use super::every_page;

const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><script src=//evil.example></script>",
    "' onmouseover='alert(1)",
    "</main></title><!--",
    "javascript:alert(1)//<img src=x>",
    "{{ 7 * 7 }}{% raw %}\u{202e}\0",
];

fn count(html: &str, of: char) -> usize {
    html.chars().filter(|c| *c == of).count()
}

#[test]
fn whatever_is_put_into_a_page_adds_no_markup() {
    for hostile in HOSTILE {
        for (page, plain) in every_page(hostile).iter().zip(every_page("plain")) {
            for mark in ['<', '>', '"', '\''] {
                let name = page.name;
                assert_eq!(count(&page.html, mark), count(&plain.html, mark), "{mark} in {name} with {hostile}");
            }
        }
    }
}

#[test]
fn whatever_is_put_into_a_page_adds_no_directive_to_its_policy() {
    for hostile in HOSTILE.into_iter().chain(["https://a.example/;script-src *", "x;script-src *"]) {
        for page in every_page(hostile) {
            let names: Vec<&str> = page.csp.split("; ").filter_map(|part| part.split(' ').next()).collect();
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{}: {}", page.name, page.csp);
            assert!(!page.csp.contains("unsafe") && !page.csp.contains('*'), "{}: {}", page.name, page.csp);
        }
    }
}

#[test]
fn every_page_has_one_main_with_its_mark_one_heading_a_language_and_a_title() {
    for page in every_page("Plain & simple") {
        let html = &page.html;
        assert_eq!(html.matches("<main ").count(), 1, "{}", page.name);
        assert!(html.contains(&format!("<main data-page=\"{}\"", page.name)), "{}", page.name);
        assert_eq!(html.matches("<h1").count(), 1, "{}", page.name);
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", page.name);
        assert!(!html.contains("<title> "), "{}", page.name);
    }
}

#[test]
fn no_page_has_a_script_or_style_of_its_own_so_that_the_policy_can_refuse_them() {
    for page in every_page("plain") {
        for tag in page.html.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            assert!(!tag.starts_with("style"), "{}: {tag}", page.name);
            assert!(!tag.contains(" style=") && !tag.contains(" on"), "{}: {tag}", page.name);
            if tag.starts_with("script") {
                assert!(tag.contains("src=\"/.acquit/assets/"), "{}: {tag}", page.name);
                assert!(page.csp.contains("script-src 'self'"), "{}: {}", page.name, page.csp);
            }
        }
    }
}

#[test]
fn every_asset_that_a_page_names_exists() {
    for page in every_page("plain") {
        for path in page.html.split('"').filter(|part| part.starts_with("/.acquit/assets/")) {
            assert!(crate::pages::assets::at(path).is_some(), "{}: {path}", page.name);
        }
        assert!(!page.html.contains("src=\"\"") && !page.html.contains("href=\"\""), "{}", page.name);
    }
}

#[test]
fn no_page_may_be_framed_or_have_its_base_moved() {
    for page in every_page("https://app.example/cb") {
        assert!(page.csp.starts_with("default-src 'none'; "), "{}", page.csp);
        assert!(page.csp.ends_with("; frame-ancestors 'none'; base-uri 'none'"), "{}", page.csp);
    }
}

#[test]
fn every_time_can_be_read_without_a_script() {
    for page in every_page("plain") {
        for time in page.html.split("<time ").skip(1) {
            assert!(time.starts_with("datetime=\"2026-11-21T06:07:36.000Z\""), "{}: {time:.60}", page.name);
            assert!(time.split("</time>").next().unwrap().ends_with("UTC"), "{}: {time:.90}", page.name);
        }
    }
}

#[test]
fn hidden_values_appear_in_hidden_inputs_only() {
    for page in every_page("/plain").into_iter().filter(|page| page.html.contains("type=\"hidden\"")) {
        for tag in page.html.split('<').filter(|tag| tag.starts_with("a ") || tag.starts_with("form ")) {
            assert!(!tag.contains("csrf=") && !tag.contains('?'), "{}: {tag}", page.name);
        }
    }
    let secret = crate::pages::Hidden::new("csrf", "s3cret");
    assert!(!format!("{secret:?}").contains("s3cret"));
}
