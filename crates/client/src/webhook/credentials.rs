//! The credentials of a delivery.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;
use ring::hmac;

use crate::config::Secret;

/// Credentials that a delivery must have.
pub(super) enum Credentials {
    /// None: every delivery is accepted.
    None,
    /// A user name and a password. Contains `None` if the password is empty: then every delivery is refused.
    Basic(Option<Box<Basic>>),
}

/// A user name and a password, as a digest of both.
///
/// Digests have equal lengths, and ring compares them in constant time. So the duration of a check reveals
/// nothing about the credentials.
pub(super) struct Basic {
    key: hmac::Key,
    tag: hmac::Tag,
}

impl Credentials {
    pub(super) fn basic(user: &str, password: &Secret) -> Self {
        let password = password.expose();
        Self::Basic((!password.is_empty()).then(|| Basic::new(user, password).into()))
    }

    /// Returns whether a delivery is accepted. `authorization` is the value of its `Authorization` header. It
    /// is `None` if the delivery has no such header, or more than one.
    pub(super) fn accept(&self, authorization: Option<&[u8]>) -> bool {
        match (self, authorization) {
            (Self::None, _) => true,
            (Self::Basic(Some(expected)), Some(header)) => {
                decode(header).is_some_and(|given| expected.matches(&given))
            }
            (Self::Basic(_), _) => false,
        }
    }
}

impl Basic {
    fn new(user: &str, password: &str) -> Self {
        // The key need not be secret: the tag serves as a digest, not as a signature.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"ultracart webhook");
        let mut digest = hmac::Context::with_key(&key);
        for part in [user, ":", password] {
            digest.update(part.as_bytes());
        }
        Self { key, tag: digest.sign() }
    }

    fn matches(&self, given: &[u8]) -> bool {
        hmac::verify(&self.key, given, self.tag.as_ref()).is_ok()
    }
}

/// Returns the decoded `name:password` of an `Authorization` header, or `None` if it is not valid Basic
/// authentication.
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
