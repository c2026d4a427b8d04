//! What UltraCart's answers are wrapped in.

use crate::{ExpiresIn, Group, Text, Token, User, UserLogin};

/// An answer: the same four fields, and what it is about.
macro_rules! response {
    ($(#[$meta:meta])* $name:ident $({ $(#[$field_meta:meta])* $field:ident: $ty:ty = $wire:literal })?) => {
        object! {
            $(#[$meta])*
            pub struct $name {
                $($(#[$field_meta])* $field: $ty = $wire;)?
                /// `false` says that the call failed, whatever the status.
                success: bool = "success";
                /// Why the call failed, whatever the status.
                error: ErrorDetails = "error";
                /// What is odd about a call that succeeded.
                warning: Warning = "warning";
                /// About the answer itself.
                metadata: ResponseMetadata = "metadata";
            }
        }
    };
}

response! {
    /// An answer that is only about whether the call succeeded.
    ErrorResponse
}
response! {
    /// The answer to `getUser`, `insertUser` and `updateUser`.
    UserResponse {
        /// The user as UltraCart has it now.
        user: User = "user"
    }
}
response! {
    /// The answer to `getUsers`.
    UsersResponse {
        /// Users of the account; all of them unless `metadata.result_set.more` is set.
        users: Vec<User> = "users"
    }
}
response! {
    /// The answer to `getGroup` (where it has one), `insertGroup` and `updateGroup`.
    GroupResponse {
        /// The group as UltraCart has it now.
        group: Group = "group"
    }
}
response! {
    /// The answer to `getGroups`.
    GroupsResponse {
        /// Groups of the account; all of them unless `metadata.result_set.more` is set.
        groups: Vec<Group> = "groups"
    }
}
response! {
    /// The answer to `getUserLogins`.
    UserLoginsResponse {
        /// The user's logins of the last 90 days.
        logins: Vec<UserLogin> = "logins"
    }
}

object! {
    /// Why a call failed.
    pub struct ErrorDetails {
        /// For whoever wrote the program.
        developer_message: Text = "developer_message";
        /// For whoever uses it.
        user_message: Text = "user_message";
        /// A code, where there is one.
        error_code: Text = "error_code";
        /// What the error is about, where it is about one object.
        object_id: Text = "object_id";
        /// Where to read on.
        more_info: Text = "more_info";
    }
}

object! {
    /// What is odd about a call that succeeded.
    pub struct Warning {
        /// A code, where there is one.
        warning_code: Text = "warning_code";
        /// What is odd.
        warning_message: Text = "warning_message";
        /// Where to read on.
        more_info: Text = "more_info";
    }
}

object! {
    /// About an answer.
    pub struct ResponseMetadata {
        /// The name of the field that holds what was asked for.
        payload_name: Text = "payload_name";
        /// Which part of a list this is.
        result_set: ResultSet = "result_set";
    }
}

object! {
    /// Which part of a list an answer holds.
    pub struct ResultSet {
        /// How many objects it holds.
        count: i64 = "count";
        /// How many it could hold.
        limit: i64 = "limit";
        /// How many come before the first one.
        offset: i64 = "offset";
        /// The `_offset` to ask for next.
        next_offset: i64 = "next_offset";
        /// Whether there are more.
        more: bool = "more";
        /// How many there are in all.
        total_records: i64 = "total_records";
    }
}

object! {
    /// The answer of `/oauth/token`.
    pub struct OauthTokenResponse {
        /// What to call with.
        access_token: Token = "access_token";
        /// What to get the next access token with. It replaces the one that was sent.
        refresh_token: Token = "refresh_token";
        /// `bearer`.
        token_type: Text = "token_type";
        /// How long the access token lives.
        expires_in: ExpiresIn = "expires_in";
        /// What it allows.
        scope: Text = "scope";
        /// Whose account it is for.
        merchant_id: Text = "merchant_id";
        /// Why there is no token.
        error: Text = "error";
        /// Why there is no token, in words.
        error_description: Text = "error_description";
        /// Where to read on.
        error_uri: Text = "error_uri";
    }
}
