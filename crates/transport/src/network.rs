//! The connection to the server.

use std::sync::Arc;

use reqwest::{Client, Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::config;
use crate::error::{Error, ErrorKind};

/// A network client that sends what it is told to send and nothing else: a redirect or a retry below the limiter
/// would be a call that nobody counted.
pub(crate) fn client(base_url: &Url, config: &config::Http) -> Result<Client, Error> {
    let failed = |what: &str| Error::new(ErrorKind::InvalidConfig, what.to_owned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("no TLS").with_source(error))?;
    let plain = base_url.scheme() == "http";
    let tls = if plain {
        tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    } else {
        tls.with_platform_verifier()
            .map_err(|error| failed("this machine's certificates cannot be read").with_source(error))?
            .with_no_client_auth()
    };
    let mut client = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("ultracart-rust/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        // Of a request that can be sent again reqwest keeps a copy, also where it never is.
        .retry(retry::never().max_retries_per_request(0))
        .referer(false);
    if plain {
        // Plain HTTP goes to this machine only: through a proxy the key would leave it in the clear.
        client = client.no_proxy();
    }
    client.build().map_err(|error| failed("no network client can be made").with_source(error))
}
