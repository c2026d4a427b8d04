//! Maps methods and paths to operations.

use std::fmt;

use http::Method;

/// Path prefix of the API, in process and over TCP.
pub(crate) const BASE_PATH: &str = "/rest/v2";

macro_rules! operations {
    ($($(#[$meta:meta])* $variant:ident = $name:literal;)*) => {
        /// An operation of the simulated API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $($(#[$meta])* $variant,)*
        }

        impl Operation {
            /// Returns the name in UltraCart's documentation, for example `getUsers`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

operations! {
    /// `GET /user/users`
    GetUsers = "getUsers";
    /// `POST /user/users`
    InsertUser = "insertUser";
    /// `GET /user/users/{user_id}`
    GetUser = "getUser";
    /// `PUT /user/users/{user_id}`
    UpdateUser = "updateUser";
    /// `DELETE /user/users/{user_id}`
    DeleteUser = "deleteUser";
    /// `GET /user/users/{user_id}/logins`
    GetUserLogins = "getUserLogins";
    /// `GET /user/groups`
    GetGroups = "getGroups";
    /// `POST /user/groups`
    InsertGroup = "insertGroup";
    /// `GET /user/groups/{group_oid}`
    GetGroup = "getGroup";
    /// `PUT /user/groups/{group_oid}`
    UpdateGroup = "updateGroup";
    /// `DELETE /user/groups/{group_oid}`
    DeleteGroup = "deleteGroup";
    /// `POST /oauth/token`
    OauthAccessToken = "oauthAccessToken";
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The result of routing a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The operation, and the identifier in the path as text. If the path has no identifier, the text is
    /// empty.
    Operation(Operation, &'a str),
    /// The API has the path, but not with this method. `allow` lists the supported methods.
    WrongMethod {
        allow: String,
    },
    UnknownPath,
}

impl Route<'_> {
    pub(crate) fn operation(&self) -> Option<Operation> {
        match self {
            Self::Operation(operation, _) => Some(*operation),
            Self::WrongMethod { .. } | Self::UnknownPath => None,
        }
    }
}

/// Routes a method and a path.
pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    use Operation as Op;

    let Some(path) = path.strip_prefix(BASE_PATH).and_then(|rest| rest.strip_prefix('/')) else {
        return Route::UnknownPath;
    };
    let parts: Vec<&str> = path.split('/').collect();
    let (id, methods): (&str, &[(Method, Operation)]) = match *parts {
        ["user", "users"] => ("", &[(Method::GET, Op::GetUsers), (Method::POST, Op::InsertUser)]),
        ["user", "users", id] => (
            id,
            &[(Method::GET, Op::GetUser), (Method::PUT, Op::UpdateUser), (Method::DELETE, Op::DeleteUser)],
        ),
        ["user", "users", id, "logins"] => (id, &[(Method::GET, Op::GetUserLogins)]),
        ["user", "groups"] => ("", &[(Method::GET, Op::GetGroups), (Method::POST, Op::InsertGroup)]),
        ["user", "groups", id] => (
            id,
            &[(Method::GET, Op::GetGroup), (Method::PUT, Op::UpdateGroup), (Method::DELETE, Op::DeleteGroup)],
        ),
        ["oauth", "token"] => ("", &[(Method::POST, Op::OauthAccessToken)]),
        _ => return Route::UnknownPath,
    };
    if let Some((_, operation)) = methods.iter().find(|(known, _)| known == method) {
        return Route::Operation(*operation, id);
    }
    let allow: Vec<&str> = methods.iter().map(|(known, _)| known.as_str()).collect();
    Route::WrongMethod { allow: allow.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_known_and_unknown_paths() {
        let to = |method, path| route(&method, path);
        assert_eq!(
            to(Method::GET, "/rest/v2/user/users/7/logins"),
            Route::Operation(Operation::GetUserLogins, "7")
        );
        assert_eq!(to(Method::PUT, "/rest/v2/user/groups/x"), Route::Operation(Operation::UpdateGroup, "x"));
        assert_eq!(
            to(Method::PATCH, "/rest/v2/user/users"),
            Route::WrongMethod { allow: "GET, POST".into() }
        );
        for path in ["", "/", "/rest/v2", "/rest/v2user/users", "/rest/v2/user/users/7/", "/user/users"] {
            assert_eq!(to(Method::GET, path), Route::UnknownPath, "{path:?}");
        }
    }
}
