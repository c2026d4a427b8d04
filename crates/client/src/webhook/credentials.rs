//! Who may deliver.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use ring::hmac;

use crate::config::Secret;

/// What a delivery has to bring.
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// These, or nobody's.
    Basic(Option<Box<Basic>>),
}

/// A name and a password, as the digest of both.
///
/// Digests have one length, and ring compares them in constant time: how long it takes says nothing of what is right
/// about a guess, neither which half, nor how much of it, nor its length.
pub(super) struct Basic {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Credentials {
    pub(super) fn basic(user: &str, password: &Secret) -> Self {
        let password = password.expose();
        Self::Basic((!password.is_empty()).then(|| Basic::new(user, password).into()))
    }

    /// Whether an `Authorization` header has what it takes.
    pub(super) fn admit(&self, authorization: Option<&[u8]>) -> bool {
        match (self, authorization) {
            (Self::None, _) => true,
            (Self::Basic(Some(expected)), Some(header)) => {
                decode(header).is_some_and(|given| expected.is(&given))
            }
            (Self::Basic(_), _) => false,
        }
    }
}

impl Basic {
    fn new(user: &str, password: &str) -> Self {
        // No secret: it is a digest that is needed, and no signature.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"ultracart webhook");
        let mut digest = hmac::Context::with_key(&key);
        for part in [user, ":", password] {
            digest.update(part.as_bytes());
        }
        Self { key, tag: digest.sign() }
    }

    fn is(&self, given: &[u8]) -> bool {
        hmac::verify(&self.key, given, self.tag.as_ref()).is_ok()
    }
}

/// The `name:password` of a header.
fn decode(header: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = header.trim_ascii().split_at_checked("basic".len())?;
    if !scheme.eq_ignore_ascii_case(b"basic") || !rest.starts_with(b" ") {
        return None;
    }
    STANDARD_PAD_INDIFFERENT.decode(rest.trim_ascii_start()).ok()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(_) => "Basic(…)",
        })
    }
}
