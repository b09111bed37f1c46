//! Whether a connection's settings fit what its provider says of itself.

use super::Provider;
use crate::{jose::Algorithm, pkce, response::ResponseMode, rp::client::SECRET_JWT};

/// What a connection wants of its provider.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The algorithm of its ID tokens.
    pub alg: Algorithm,
    /// The name of the way in which we prove who we are.
    pub auth_method: &'a str,
    /// Scopes beyond `openid`.
    pub scopes: &'a [String],
    /// How answers come, where that is set.
    pub response_mode: Option<ResponseMode>,
    /// Whether its answers come to the shared callback, where only `iss` says whose they are.
    pub shared_callback: bool,
}

/// A wish that the provider, by its own account, does not fulfil. All but [`Misfit::SecretJwt`] and [`Misfit::Iss`] are tried all the same: what
/// discovery documents leave out often works.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Its ID tokens are not signed so.
    #[error("the provider does not list {} for ID tokens", .0.as_str())]
    Algorithm(Algorithm),
    /// None of its algorithms is spoken here.
    #[error("the provider lists no algorithm for ID tokens that is accepted here: RS256, ES256, PS256 or EdDSA")]
    NoAlgorithm,
    /// The token endpoint wants another proof.
    #[error("the provider's token endpoint does not list {0}")]
    TokenAuth(String),
    /// An assertion of our secret is not sent where it is not listed.
    #[error("the provider's token endpoint does not list client_secret_jwt by HS256: every sign-in is refused here")]
    SecretJwt,
    /// The revocation endpoint wants another proof.
    #[error("the provider's revocation endpoint does not list {0}")]
    RevocationAuth(String),
    /// It lists PKCE methods, and S256 is not among them.
    #[error("the provider lists PKCE methods without S256")]
    Pkce,
    /// It lists scopes, and this is not among them.
    #[error("the provider does not list the scope {0}")]
    Scope(String),
    /// Answers at the shared callback must say whose they are.
    #[error(
        "the provider does not say that its answers carry `iss` (authorization_response_iss_parameter_supported), which \
         `shared_callback` needs: every sign-in is refused here"
    )]
    Iss,
    /// Answers do not come so.
    #[error("the provider does not list the response mode {}", .0.as_str())]
    ResponseMode(ResponseMode),
}

impl Provider {
    /// What of a connection's wishes the provider does not list.
    #[must_use]
    pub fn misfits(&self, wanted: Wanted<'_>) -> Vec<Misfit> {
        let lacks = |list: &[String], name: &str| !list.iter().any(|known| known == name);
        let mut misfits = Vec::new();
        if self.common_algs().is_empty() {
            misfits.push(Misfit::NoAlgorithm);
        } else if lacks(&self.id_token_algs, wanted.alg.as_str()) {
            misfits.push(Misfit::Algorithm(wanted.alg));
        }
        if wanted.auth_method == SECRET_JWT {
            if !self.takes_secret_jwt() {
                misfits.push(Misfit::SecretJwt);
            }
        } else if lacks(&self.token_auth_methods, wanted.auth_method) {
            misfits.push(Misfit::TokenAuth(wanted.auth_method.to_owned()));
        }
        if self.revocation_endpoint.is_some() && lacks(&self.revocation_auth_methods, wanted.auth_method) {
            misfits.push(Misfit::RevocationAuth(wanted.auth_method.to_owned()));
        }
        if wanted.shared_callback && !self.sends_iss {
            misfits.push(Misfit::Iss);
        }
        if !self.pkce_methods.is_empty() && lacks(&self.pkce_methods, pkce::METHOD) {
            misfits.push(Misfit::Pkce);
        }
        let unlisted = wanted.scopes.iter().filter(|scope| !self.may_take_scope(scope));
        misfits.extend(unlisted.map(|scope| Misfit::Scope(scope.clone())));
        if let Some(mode) = wanted.response_mode
            && lacks(&self.response_modes, mode.as_str())
        {
            misfits.push(Misfit::ResponseMode(mode));
        }
        misfits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rp::provider::tests::provider;

    const WANTED: Wanted<'static> = Wanted {
        alg: Algorithm::Rs256,
        auth_method: "client_secret_basic",
        scopes: &[],
        response_mode: Some(ResponseMode::Query),
        shared_callback: true,
    };

    #[test]
    fn ordinary_wishes_fit() {
        assert_eq!(provider().misfits(WANTED), []);
    }

    #[test]
    fn each_wish_that_is_not_listed_is_named() {
        let scopes = ["email".to_owned(), "offline_access".to_owned()];
        let wanted = Wanted {
            alg: Algorithm::EdDsa,
            auth_method: "private_key_jwt",
            scopes: &scopes,
            response_mode: Some(ResponseMode::FormPost),
            shared_callback: true,
        };
        let mut provider = provider();
        provider.pkce_methods = vec!["plain".into()];
        provider.sends_iss = false;
        let expected = [
            Misfit::Algorithm(Algorithm::EdDsa),
            Misfit::TokenAuth("private_key_jwt".into()),
            Misfit::RevocationAuth("private_key_jwt".into()),
            Misfit::Iss,
            Misfit::Pkce,
            Misfit::Scope("offline_access".into()),
            Misfit::ResponseMode(ResponseMode::FormPost),
        ];
        assert_eq!(provider.misfits(wanted), expected);
        provider.revocation_endpoint = None;
        provider.id_token_algs = vec!["HS256".into(), "RS512".into()];
        let misfits = provider.misfits(Wanted { response_mode: None, ..wanted });
        assert_eq!(misfits[0], Misfit::NoAlgorithm);
        assert!(!misfits.contains(&Misfit::RevocationAuth("private_key_jwt".into())));
    }

    #[test]
    fn an_assertion_of_the_secret_fits_only_where_it_is_listed_with_hs256_or_without_algorithms() {
        let misfits = |methods: &[&str], algs: &[&str]| {
            let listed = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
            let mut provider = provider();
            (provider.token_auth_methods, provider.token_auth_algs) = (listed(methods), listed(algs));
            provider.revocation_endpoint = None;
            provider.misfits(Wanted { auth_method: SECRET_JWT, ..WANTED })
        };
        let both = ["client_secret_basic", SECRET_JWT];
        assert_eq!(misfits(&both, &[]), []);
        assert_eq!(misfits(&both, &["RS256", "HS256"]), []);
        assert_eq!(misfits(&both, &["RS256", "HS512"]), [Misfit::SecretJwt]);
        assert_eq!(misfits(&["private_key_jwt"], &["HS256"]), [Misfit::SecretJwt]);
        assert_eq!(misfits(&[], &[]), [Misfit::SecretJwt]);
    }

    #[test]
    fn where_nothing_is_listed_scopes_and_pkce_are_no_misfit() {
        let mut provider = provider();
        provider.pkce_methods = Vec::new();
        provider.scopes = Vec::new();
        let scopes = ["offline_access".to_owned()];
        assert_eq!(provider.misfits(Wanted { scopes: &scopes, ..WANTED }), []);
    }
}
