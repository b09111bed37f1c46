//! How the person was authenticated, and whether that is what was asked for (Core section 3.3.2.2.1).

use acquit_saml::{
    message::{Comparison, RequestedAuthnContext},
    names::{AC_PASSWORD, AC_UNSPECIFIED},
};

/// Classes of contexts that this server's passwords are as strong as, the weakest first.
const CONTEXTS: [&str; 3] = [AC_UNSPECIFIED, "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", AC_PASSWORD];

/// Whether a password sent over TLS is what was asked for (Core section 3.3.2.2.1). Nothing stronger is ever claimed.
pub(super) fn reaches(context: &RequestedAuthnContext) -> bool {
    let ours = CONTEXTS.len() - 1;
    let strength = |class: &String| CONTEXTS.iter().position(|known| known == class);
    let mut known = context.classes.iter().map(strength);
    match context.comparison {
        Comparison::Exact => known.any(|strength| matches!(strength, Some(at) if at == ours || at == 0)),
        Comparison::Minimum => known.any(|strength| strength.is_some_and(|at| at <= ours)),
        Comparison::Maximum => known.any(|strength| strength.is_none_or(|at| at >= ours)),
        Comparison::Better => known.any(|strength| strength.is_some_and(|at| at < ours)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(comparison: Comparison, classes: &[&str]) -> RequestedAuthnContext {
        RequestedAuthnContext { comparison, classes: classes.iter().map(|class| (*class).to_owned()).collect() }
    }

    #[test]
    fn no_stronger_context_is_claimed_than_a_password() {
        let (strong, weak) = ("urn:oasis:names:tc:SAML:2.0:ac:classes:X509", CONTEXTS[1]);
        for (comparison, classes, expected) in [
            (Comparison::Exact, &[AC_PASSWORD][..], true),
            (Comparison::Exact, &[strong, AC_PASSWORD], true),
            (Comparison::Exact, &[strong], false),
            (Comparison::Exact, &[weak], false),
            (Comparison::Exact, &[AC_UNSPECIFIED], true),
            (Comparison::Minimum, &[weak], true),
            (Comparison::Minimum, &[strong], false),
            (Comparison::Maximum, &[AC_PASSWORD], true),
            (Comparison::Maximum, &[weak], false),
            (Comparison::Better, &[weak], true),
            (Comparison::Better, &[AC_PASSWORD], false),
            (Comparison::Exact, &[], false),
        ] {
            assert_eq!(reaches(&asked(comparison, classes)), expected, "{comparison:?} {classes:?}");
        }
    }
}
