//! The trace that a request belongs to (W3C Trace Context, Level 1): passed on as it came where it is well formed, so that the
//! app's spans hang on whoever began the trace, and struck out where it is not. None is made here: the gateway has no span to name.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of version 00's value.
const LENGTH: usize = 55;
/// The most entries of the state (section 3.3.1.1).
const MAX_MEMBERS: usize = 32;
/// The longest state that is passed on, in bytes: more than the 512 that everybody must (section 3.3.1.5).
const MAX_STATE: usize = 4096;

/// The id of the trace, 32 hexadecimal digits, where the request names one that is well formed.
#[must_use]
pub fn id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (first, second) = (values.next()?, values.next());
    let text = first.to_str().ok().filter(|_| second.is_none())?;
    is_parent(text.as_bytes()).then(|| text.get(3..35)).flatten()
}

/// Takes out what is not well formed: a state without a parent says nothing (section 4.3).
pub fn clean(headers: &mut HeaderMap) {
    if id(headers).is_none() {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
    } else if !is_state(headers) {
        headers.remove(TRACESTATE);
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may go on after another `-` (section 3.2).
fn is_parent(text: &[u8]) -> bool {
    let hex = |from: usize, to: usize| {
        text.get(from..to).is_some_and(|part| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let some = |from: usize, to: usize| hex(from, to) && text[from..to].iter().any(|byte| *byte != b'0');
    let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
    let version = hex(0, 2) && &text[..2] != b"ff";
    let end = match text.get(LENGTH) {
        None => text.len() == LENGTH,
        Some(more) => &text[..2] != b"00" && *more == b'-',
    };
    dashes && version && some(3, 35) && some(36, 52) && hex(53, 55) && end
}

fn is_state(headers: &HeaderMap) -> bool {
    let mut members = 0;
    let mut length = 0;
    headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).all(|value| {
        length += value.len();
        length <= MAX_STATE
            && value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).all(
                |member| {
                    members += 1;
                    members <= MAX_MEMBERS && is_member(member)
                },
            )
    })
}

/// `key=value` (section 3.3.1.3).
fn is_member(member: &[u8]) -> bool {
    let Some(at) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = (&member[..at], &member[at + 1..]);
    let first = key.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let rest = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte);
    let tenants = key.iter().filter(|byte| **byte == b'@').count();
    first
        && key.len() <= 256
        && tenants <= 1
        && key.iter().all(rest)
        && (1..=256).contains(&value.len())
        && value.iter().all(|byte| matches!(byte, 0x20..=0x7e) && *byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_trace_that_is_well_formed_goes_on_as_it_came() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes";
        for parent in [PARENT, later] {
            let mut request =
                headers(&[("traceparent", parent), ("tracestate", "rojo=1,a@b=x y"), ("tracestate", " , c*d/=!")]);
            let before = request.clone();
            assert_eq!(id(&request), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
            clean(&mut request);
            assert_eq!(request, before);
        }
    }

    #[test]
    fn one_that_is_not_is_struck_out_with_its_state() {
        for parent in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            let mut request = headers(&[("traceparent", parent), ("tracestate", "a=b"), ("accept", "*/*")]);
            assert_eq!(id(&request), None, "{parent}");
            clean(&mut request);
            assert_eq!(request.len(), 1, "{parent}");
        }
        let mut twice = headers(&[("traceparent", PARENT), ("traceparent", PARENT), ("tracestate", "a=b")]);
        clean(&mut twice);
        assert!(twice.is_empty());
        let mut alone = headers(&[("tracestate", "a=b")]);
        clean(&mut alone);
        assert!(alone.is_empty());
    }

    #[test]
    fn a_state_that_is_not_well_formed_is_struck_out_alone() {
        let many = (0..33).map(|number| format!("k{number}=v")).collect::<Vec<_>>().join(",");
        let long = format!("k={}", "v".repeat(257));
        let state = [many.as_str(), &long, "novalue", "=v", "k=", "K=v", "k=a=b", "a@b@c=d", "@=v", "k=\u{e9}"];
        for state in state {
            let mut request = headers(&[("traceparent", PARENT)]);
            request.append("tracestate", HeaderValue::from_bytes(state.as_bytes()).unwrap());
            clean(&mut request);
            assert_eq!(request.len(), 1, "{state}");
            assert_eq!(request[TRACEPARENT], PARENT);
        }
    }
}
