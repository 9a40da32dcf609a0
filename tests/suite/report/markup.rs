//! A reader of pages that accepts only what every browser reads the same way.
#![expect(clippy::unwrap_used, reason = "a page that cannot be read at all fails its test")]

/// Panics unless every tag that is opened is closed in order, attributes are quoted and no coordinate is undefined.
pub(super) fn assert_well_formed(page: &str) {
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a document type");
    let style = body.find("<style>").unwrap()..body.find("</style>").unwrap();
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(start) = body[at..].find('<').map(|i| at + i) {
        if style.contains(&start) && !body[start..].starts_with("<style>") {
            panic!("markup inside the style sheet");
        }
        let end = start + body[start..].find('>').expect("a tag that ends");
        let tag = &body[start + 1..end];
        assert!(!tag.contains('<'), "a tag inside a tag: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing order at {start}");
        } else {
            let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()) && !name.is_empty(), "tag <{tag}>");
            assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
            let attributes: String = tag.split('"').step_by(2).collect();
            assert!(!attributes.contains(['\'', '&']), "unquoted value in <{tag}>");
            assert!(!attributes.split_whitespace().any(|a| a.starts_with("on")), "a handler in <{tag}>");
            if !matches!(name, "title" | "desc") && !tag.contains("data:") {
                for value in tag.split('"').skip(1).step_by(2) {
                    assert!(!value.contains("NaN") && !value.contains("inf"), "undefined coordinate in <{tag}>");
                }
            }
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        at = end + 1;
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for (i, _) in body.match_indices('&') {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(known.iter().any(|e| body[i + 1..].starts_with(e)), "bare & at {i}");
    }
    for forbidden in ["<script", "<iframe", "<link", "http://", "https://", "@import", "url("] {
        let clean = body.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!clean.contains(forbidden), "{forbidden} on the page");
    }
}
