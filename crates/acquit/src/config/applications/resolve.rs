//! From what is written of an application to the client that the server knows.

use acquit_core::{AppId, participant::Preference};
use acquit_delivery::egress::Policy;
use acquit_oidc::{
    client::{Client, Confirm, SingleLogout},
    jose::Algorithm,
};

use super::{AlgorithmText, ApplicationSection, ConfirmText, LogoutChannelText, SingleLogoutText, check};
use crate::config::{context::Context, path::Path};

impl ApplicationSection {
    /// The client to have; every mistake is noted.
    pub fn resolve(mut self, cx: &mut Context<'_>, path: &Path, policy: &Policy) -> Option<Client> {
        // Its protocol or its whole shape was noted, and nothing else can be said about it.
        self.protocol?;
        if let Some(id) = &self.id {
            check::check_id(id, cx, &path.key("id"));
        }
        let authentication = check::authentication(&mut self, cx, path);
        let known = authentication.is_some();
        // What is right of it is checked also when something else is wrong.
        let mut client = Client::new(
            AppId::new(self.id.clone().unwrap_or_default()),
            self.client_id.clone().unwrap_or_default(),
            authentication.unwrap_or(acquit_oidc::client::Authentication::None),
        );
        let redirects_known = self.redirect_uris.is_some();
        client.native = self.public.unwrap_or(false);
        if let Some(name) = self.name.take() {
            client.name = name;
        }
        client.redirect_uris = self.redirect_uris.take().unwrap_or_default();
        client.post_logout_redirect_uris = self.post_logout_redirect_uris.take().unwrap_or_default();
        client.backchannel_logout_uri = self.backchannel_logout_uri.take();
        client.backchannel_logout_session_required = self.backchannel_logout_session_required.unwrap_or(false);
        client.frontchannel_logout_uri = self.frontchannel_logout_uri.take();
        client.frontchannel_logout_session_required = self.frontchannel_logout_session_required.unwrap_or(false);
        client.logout_preference = self.logout_channel.unwrap_or_default().into();
        client.id_token_signed_response_alg = self.id_token_signed_response_alg.unwrap_or_default().into();
        client.single_logout = self.single_logout.unwrap_or_default().into();
        // What is negative is as wrong as what is too large, and the client's own check knows how large.
        client.state_min_length = usize::try_from(self.state_min_length.unwrap_or(0)).unwrap_or(usize::MAX);
        client.confirm = self.confirm.unwrap_or_default().into();
        client.consent = self.consent.unwrap_or(false);
        client.tell_on_expiry = self.tell_on_expiry.unwrap_or(true);

        check::check_client(&client, redirects_known, cx, path);
        check::check_channels(&self, &client, cx, path, policy);
        if let (Some(method), true) = (self.token_endpoint_auth_method, known) {
            check::check_auth_method(method, &client, cx, path);
        }
        (known && redirects_known && self.id.is_some() && self.client_id.is_some()).then_some(client)
    }
}

impl From<LogoutChannelText> for Preference {
    fn from(text: LogoutChannelText) -> Self {
        match text {
            LogoutChannelText::Backchannel => Self::BackChannel,
            LogoutChannelText::Frontchannel => Self::FrontChannel,
            LogoutChannelText::Both => Self::Both,
        }
    }
}

impl From<AlgorithmText> for Algorithm {
    fn from(text: AlgorithmText) -> Self {
        match text {
            AlgorithmText::Rs256 => Self::Rs256,
            AlgorithmText::Es256 => Self::Es256,
            AlgorithmText::Ps256 => Self::Ps256,
            AlgorithmText::EdDsa => Self::EdDsa,
        }
    }
}

impl From<SingleLogoutText> for SingleLogout {
    fn from(text: SingleLogoutText) -> Self {
        match text {
            SingleLogoutText::None => Self::None,
            SingleLogoutText::Session => Self::Session,
            SingleLogoutText::User => Self::User,
        }
    }
}

impl From<ConfirmText> for Confirm {
    fn from(text: ConfirmText) -> Self {
        match text {
            ConfirmText::Always => Self::Always,
            ConfirmText::WhenNeeded => Self::WhenNeeded,
            ConfirmText::Never => Self::Never,
        }
    }
}
