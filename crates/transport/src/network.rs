//! The HTTP client that sends requests over the network.

use std::sync::Arc;

use reqwest::{Client, Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::config;
use crate::error::{Error, ErrorKind};

/// Creates the HTTP client. It neither follows redirects nor retries, since the limiter could not count such
/// requests.
pub(crate) fn http_client(base_url: &Url, config: &config::Http) -> Result<Client, Error> {
    let failed = |what: &str| Error::new(ErrorKind::InvalidConfig, what.to_owned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("TLS cannot be set up").with_source(error))?;
    let plain = base_url.scheme() == "http";
    let tls = if plain {
        tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    } else {
        tls.with_platform_verifier()
            .map_err(|error| {
                failed("the root certificates of this machine cannot be read").with_source(error)
            })?
            .with_no_client_auth()
    };
    let mut client = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("ultracart-rust/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        // With `never` alone, reqwest would still copy each request.
        .retry(retry::never().max_retries_per_request(0))
        .referer(false);
    if plain {
        // Plain HTTP is allowed to this machine only. A proxy would send the credential unencrypted to
        // another one.
        client = client.no_proxy();
    }
    client.build().map_err(|error| failed("the HTTP client cannot be created").with_source(error))
}
