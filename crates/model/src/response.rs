//! The envelopes of UltraCart's responses.

use crate::{ExpiresIn, Group, Text, Token, User, UserLogin};

/// Declares a response: the four fields that all responses have, and at most one payload.
macro_rules! response {
    ($(#[$meta:meta])* $name:ident $({ $(#[$field_meta:meta])* $field:ident: $ty:ty = $wire:literal })?) => {
        object! {
            $(#[$meta])*
            pub struct $name {
                $($(#[$field_meta])* $field: $ty = $wire;)?
                /// `false` if the call failed. It can be `false` even if the HTTP status is 200.
                success: bool = "success";
                /// Reason why the call failed. It can be set even if the HTTP status is 200.
                error: ErrorDetails = "error";
                /// Warning about a call that succeeded.
                warning: Warning = "warning";
                /// Metadata of the response.
                metadata: ResponseMetadata = "metadata";
            }
        }
    };
}

response! {
    /// A response without a payload: the response to `deleteUser` and `deleteGroup`, and to calls that
    /// failed.
    ErrorResponse
}
response! {
    /// The response to `getUser`, `insertUser` and `updateUser`.
    UserResponse {
        /// The user as UltraCart stored it.
        user: User = "user"
    }
}
response! {
    /// The response to `getUsers`.
    UsersResponse {
        /// Users of the account: all of them, or the page of the list that `metadata.result_set` describes.
        users: Vec<User> = "users"
    }
}
response! {
    /// The response to `getGroup` (unless it is empty), `insertGroup` and `updateGroup`.
    GroupResponse {
        /// The group as UltraCart stored it.
        group: Group = "group"
    }
}
response! {
    /// The response to `getGroups`.
    GroupsResponse {
        /// Groups of the account: all of them, or the page of the list that `metadata.result_set` describes.
        groups: Vec<Group> = "groups"
    }
}
response! {
    /// The response to `getUserLogins`.
    UserLoginsResponse {
        /// The user's logins of the last 90 days.
        logins: Vec<UserLogin> = "logins"
    }
}

object! {
    /// The reason why a call failed.
    pub struct ErrorDetails {
        /// Message for the developer of the program.
        developer_message: Text = "developer_message";
        /// Message for the person who uses the program.
        user_message: Text = "user_message";
        /// Error code, if there is one.
        error_code: Text = "error_code";
        /// Identifier of the object that the error is about, if there is one.
        object_id: Text = "object_id";
        /// Where to find more information.
        more_info: Text = "more_info";
    }
}

object! {
    /// A warning about a call that succeeded.
    pub struct Warning {
        /// Warning code, if there is one.
        warning_code: Text = "warning_code";
        /// The warning in words.
        warning_message: Text = "warning_message";
        /// Where to find more information.
        more_info: Text = "more_info";
    }
}

object! {
    /// Metadata of a response.
    pub struct ResponseMetadata {
        /// Name of the field that holds the payload.
        payload_name: Text = "payload_name";
        /// Position of this page in the whole list.
        result_set: ResultSet = "result_set";
    }
}

object! {
    /// Position of one page in a list.
    pub struct ResultSet {
        /// Number of objects in this page.
        count: i64 = "count";
        /// Maximum number of objects in a page.
        limit: i64 = "limit";
        /// Number of objects before this page.
        offset: i64 = "offset";
        /// `_offset` parameter of the request for the next page.
        next_offset: i64 = "next_offset";
        /// Whether more objects follow this page.
        more: bool = "more";
        /// Number of objects in the whole list.
        total_records: i64 = "total_records";
    }
}

object! {
    /// The response of `/oauth/token`.
    pub struct OauthTokenResponse {
        /// Access token, which authorizes API calls.
        access_token: Token = "access_token";
        /// Refresh token for the next token refresh. It replaces the one that was sent.
        refresh_token: Token = "refresh_token";
        /// Type of the access token: `bearer`.
        token_type: Text = "token_type";
        /// Lifetime of the access token.
        expires_in: ExpiresIn = "expires_in";
        /// Scope of the access token.
        scope: Text = "scope";
        /// Merchant id of the account that the token is for.
        merchant_id: Text = "merchant_id";
        /// Error code of OAuth, if there is no token.
        error: Text = "error";
        /// Description of the error.
        error_description: Text = "error_description";
        /// Address of a page about the error.
        error_uri: Text = "error_uri";
    }
}
