//! Errors of calls as messages: what failed, why, and what to do.

use std::error::Error as _;

use ultracart_client::{Error, ErrorKind};

use crate::failure::{Exit, Failure};

/// Turns an error of a call into a message: what failed, why, and what to do.
pub(crate) fn explain(error: &Error, base_url: &str) -> Failure {
    let exit = match error.kind() {
        ErrorKind::InvalidConfig | ErrorKind::InvalidRequest => Exit::Usage,
        _ => Exit::Failed,
    };
    let mut failure = Failure::new(exit, error.to_string());
    failure.why.extend(causes(error));
    failure.help.extend(help(error.kind(), base_url));
    if error.may_have_reached_server() && is_write(error) && !is_declined(error.kind()) {
        failure
            .help
            .push("UltraCart may have made the change: check before you repeat the command".to_owned());
    }
    failure
}

/// Returns the causes of an error, except those that the error's own message already contains.
fn causes(error: &Error) -> Vec<String> {
    let mut shown = error.to_string();
    let mut causes = Vec::new();
    let mut add = |text: &str| {
        if !text.is_empty() && !shown.contains(text) {
            shown.push_str(text);
            causes.push(text.to_owned());
        }
    };
    error.user_message().into_iter().chain(error.developer_message()).for_each(&mut add);
    let mut source = error.source();
    let mut chain: Vec<String> = Vec::new();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Many errors repeat the message of their source.
        if !chain.last().is_some_and(|above| above.contains(&text)) {
            chain.push(text);
        }
        source = cause.source();
    }
    add(&chain.join(": "));
    if let Some(merchant) = error.merchant_id() {
        add(&format!("the response names the account {merchant}"));
    }
    causes
}

/// Returns what to do about an error of this kind.
pub(crate) fn help(kind: ErrorKind, base_url: &str) -> Vec<String> {
    let help = match kind {
        ErrorKind::InvalidConfig => "`ultracart config show` shows every setting and where it comes from",
        ErrorKind::Unauthorized => {
            "check the credential: `ultracart config show` shows which one is used; UltraCart's back office shows \
             whether it is valid and may use the User API"
        }
        ErrorKind::ApplicationDisabled => {
            "UltraCart disabled this application: make no more calls, and ask UltraCart's support why"
        }
        ErrorKind::RateLimited => {
            "another program spends the same quota (with the same key, or from the same IP address): wait, or lower \
             `limiter.windows` to your share"
        }
        ErrorKind::MaxWait => "wait, or raise `limiter.max_wait`",
        ErrorKind::Deadline => "wait, or raise `retry.deadline`",
        ErrorKind::Connect => {
            return vec![format!(
                "check that {base_url} is right and that this machine can reach it; HTTPS_PROXY sets a proxy"
            )];
        }
        ErrorKind::Timeout => "try again later, or raise `http.request_timeout`",
        ErrorKind::BodyTooLarge => "raise `http.max_body` if you expect a response of this size",
        ErrorKind::NotFound => "`ultracart users list` and `ultracart groups list` show the valid IDs",
        ErrorKind::Redirect | ErrorKind::Decode | ErrorKind::UnexpectedStatus => {
            return vec![format!(
                "check that {base_url} is the URL of UltraCart's API: another server seems to respond there"
            )];
        }
        ErrorKind::PaginationLoop => {
            "the incomplete list was discarded: try again later, and tell UltraCart's support if this error stays"
        }
        ErrorKind::Server | ErrorKind::IncompleteResponse => {
            "try again later: the server or the network failed"
        }
        ErrorKind::Oauth => {
            "a refresh token works once: if it was used elsewhere, or its successor was not stored, authorize the \
             application again and write the new refresh token to the file of `auth.oauth.refresh_token_file`"
        }
        _ => return Vec::new(),
    };
    vec![help.to_owned()]
}

/// Whether the failed operation is a write.
fn is_write(error: &Error) -> bool {
    error.operation().is_some_and(|operation| !operation.starts_with("get_"))
}

/// Whether the server responded that it did not make the change.
fn is_declined(kind: ErrorKind) -> bool {
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
