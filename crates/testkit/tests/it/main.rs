//! Acquit as a whole, from the outside: browsers, applications, receipts. One binary, so that it links once; a module is
//! named after the word in the specification or in the URL.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, also in its helpers")]

mod apache;
mod backchannel;
mod bad_input;
mod broker;
mod broker_saml;
mod broker_sdk_rust;
mod broker_sdks;
mod broker_simplesamlphp;
mod broker_upstream;
mod chromium;
mod crash;
mod end_session;
mod endings;
mod failing_store;
mod five_apps;
mod frontchannel;
mod logs;
mod main_job;
mod mellon;
mod openid_client;
mod openidconnect;
mod par;
mod registration;
mod saml_artifact;
mod saml_astray;
mod saml_bad_input;
mod saml_break2;
mod saml_chromium;
mod saml_encryption;
mod saml_expired;
mod saml_failing_store;
mod saml_five;
mod saml_log;
mod saml_once;
mod saml_peers;
mod saml_slo;
mod saml_sso;
mod saml_subject;
mod seed_002;
mod simplesamlphp_idp;
mod starting;
mod world;
