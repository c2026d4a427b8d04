//! Errors of calls, for a person who can do something about them.

use std::error::Error as _;

use ultracart_client::{Error, ErrorKind};

use crate::failure::{Exit, Failure};

/// What failed, why, and what to do about it.
pub(crate) fn explain(error: &Error, base_url: &str) -> Failure {
    let exit = match error.kind() {
        ErrorKind::InvalidConfig | ErrorKind::InvalidRequest => Exit::Usage,
        _ => Exit::Failed,
    };
    let mut failure = Failure::new(exit, error.to_string());
    failure.why.extend(causes(error));
    failure.help.extend(help(error.kind(), base_url));
    if error.may_have_reached_server() && changes(error) && !is_refusal(error.kind()) {
        failure.help.push("the change may have been made all the same: look before you repeat it".to_owned());
    }
    failure
}

/// What the error's own line does not say yet.
fn causes(error: &Error) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut add = |text: &str| {
        if !text.is_empty() && !said.contains(text) {
            said.push_str(text);
            causes.push(text.to_owned());
        }
    };
    error.user_message().into_iter().chain(error.developer_message()).for_each(&mut add);
    let mut source = error.source();
    let mut chain: Vec<String> = Vec::new();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Many an error repeats the one below it.
        if !chain.last().is_some_and(|above| above.contains(&text)) {
            chain.push(text);
        }
        source = cause.source();
    }
    add(&chain.join(": "));
    if let Some(merchant) = error.merchant_id() {
        add(&format!("it is about the account {merchant}"));
    }
    causes
}

/// What to do about an error of this kind.
pub(crate) fn help(kind: ErrorKind, base_url: &str) -> Vec<String> {
    let help = match kind {
        ErrorKind::InvalidConfig => "`ultracart config show` shows every setting and where it comes from",
        ErrorKind::Unauthorized => {
            "check the credential: `ultracart config show` says which one is used, and UltraCart's back office whether \
             it is still valid and may use the User API"
        }
        ErrorKind::ApplicationDisabled => {
            "UltraCart disabled this application: make no more calls, and ask UltraCart's support why"
        }
        ErrorKind::RateLimited => {
            "somebody else spends the same quota (the same key, or another program behind the same address): wait, or \
             lower `limiter.windows` to your share"
        }
        ErrorKind::MaxWait => "wait, or raise `limiter.max_wait`",
        ErrorKind::Deadline => "wait, or raise `retry.deadline`",
        ErrorKind::Connect => {
            return vec![format!(
                "is {base_url} right, and can this machine reach it? HTTPS_PROXY names a proxy"
            )];
        }
        ErrorKind::Timeout => "try again later, or raise `http.request_timeout`",
        ErrorKind::BodyTooLarge => "raise `http.max_body`, if such an answer is to be expected",
        ErrorKind::NotFound => "`ultracart users list` and `ultracart groups list` show what is there",
        ErrorKind::Redirect | ErrorKind::Decode | ErrorKind::UnexpectedStatus => {
            return vec![format!(
                "is {base_url} the address of UltraCart's API? Something else seems to answer there"
            )];
        }
        ErrorKind::PaginationLoop => {
            "nothing was made of the part that came: try again later, and tell UltraCart's support if it stays so"
        }
        ErrorKind::Server | ErrorKind::IncompleteResponse => {
            "try again later: it is the server or the way to it"
        }
        ErrorKind::Oauth => {
            "a refresh token works once: where it was used elsewhere, or the next one could not be stored, write the one \
             of a new authorization to the file of `auth.oauth.refresh_token_file`"
        }
        _ => return Vec::new(),
    };
    vec![help.to_owned()]
}

/// Whether the operation changes something.
fn changes(error: &Error) -> bool {
    error.operation().is_some_and(|operation| !operation.starts_with("get_"))
}

/// Whether the server has said that it did not do it.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BadRequest
            | ErrorKind::Unauthorized
            | ErrorKind::NotFound
            | ErrorKind::ApplicationDisabled
            | ErrorKind::RateLimited
            | ErrorKind::Api
    )
}
