//! Changes of whole elements: the moves of signature wrapping, which single bytes would hardly ever make.

/// The input with an element taken out, doubled, or put elsewhere: beside, before or into another one; or wrapped by the tags
/// of another. Nothing when there are no two elements or the result would be too long.
pub fn elements(data: &[u8], most: usize, seed: u32) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?;
    let spans = spans(text);
    if spans.len() < 2 {
        return None;
    }
    let mut state = u64::from(seed) << 16 | 1;
    let mut pick = |below: usize| {
        // Knuth's MMIX generator; its high bits are good enough.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below.max(1)
    };
    let (start, end, _) = spans[pick(spans.len())];
    let (other, other_end, inside) = spans[pick(spans.len())];
    let what = &text[start..end];
    let mut out = text.to_owned();
    match pick(6) {
        0 => out.replace_range(start..end, ""),
        1 => out.insert_str(end, what),
        2 => out.insert_str(other, what),
        3 => out.insert_str(inside, what),
        4 => {
            // Moved, so that what stood here stands there alone.
            let to = [other, inside, other_end][pick(3)];
            if (start..end).contains(&to) {
                return None;
            }
            out.insert_str(to, what);
            let shift = if to <= start { what.len() } else { 0 };
            out.replace_range(start + shift..end + shift, "");
        }
        _ => {
            let name = text[other + 1..].split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).next()?;
            let tag = &text[other..inside];
            if tag.ends_with("/>") {
                return None;
            }
            out = format!("{}{tag}{what}</{name}>{}", &text[..start], &text[end..]);
        }
    }
    (out.len() <= most).then(|| out.into_bytes())
}

/// Start and end of elements, and the end of their start tags; roughly, for a text that need not be XML.
fn spans(text: &str) -> Vec<(usize, usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (at, _) in text.match_indices('<') {
        let Some(length) = text[at..].find('>') else { break };
        let tag_end = at + length + 1;
        let tag = &text[at..tag_end];
        if tag.starts_with("</") {
            if let Some((start, inside)) = open.pop() {
                found.push((start, tag_end, inside));
            }
        } else if tag.ends_with("/>") {
            found.push((at, tag_end, tag_end));
        } else {
            open.push((at, tag_end));
        }
    }
    found
}
