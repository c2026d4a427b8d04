//! Data types of [UltraCart]'s User API.
//!
//! Each type is an object of the API: [`User`], [`Group`], the responses and the webhook [`Event`]s. Every
//! field is optional, as in the API. Fields that a type does not declare are kept in its
//! [`extra`](User::extra), so an object that is read, changed and written back loses nothing.
//!
//! This crate makes no calls: see `ultracart-client` for that.
//!
//! ```
//! use ultracart_model::{Permission, User};
//!
//! // `beta` is an undocumented field …
//! let mut user: User = serde_json::from_str(r#"{"user_id": 7, "email": "a@example.com", "beta": [1.0]}"#)?;
//! user.email = Some("b@example.com".into());
//! user.permissions = Some(vec![Permission::new().permission_name("orders_view").selected(true)]);
//!
//! // … and is written back unchanged.
//! assert_eq!(
//!     serde_json::to_string(&user)?,
//!     concat!(
//!         r#"{"user_id":7,"email":"b@example.com","#,
//!         r#""permissions":[{"permission_Name":"orders_view","selected":true}],"beta":[1.0]}"#,
//!     ),
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! [UltraCart]: https://www.ultracart.com/api/

#[macro_use]
mod object;

mod decode;
mod event;
mod extra;
mod group;
mod id;
mod interner;
mod login_dts;
mod response;
mod secret;
mod selection;
mod text;
mod user;

pub use event::{Event, Events};
pub use extra::{Extra, InvalidExtra};
pub use group::{Group, GroupUserMembership};
pub use id::{GroupOid, InvalidId, UserId};
pub use login_dts::LoginDts;
pub use response::{
    ErrorDetails, ErrorResponse, GroupResponse, GroupsResponse, OauthTokenResponse, ResponseMetadata,
    ResultSet, UserLoginsResponse, UserResponse, UsersResponse, Warning,
};
pub use secret::{ExpiresIn, NewPassword, Token};
pub use selection::{Notification, Permission};
pub use text::Text;
pub use user::{InvalidUser, LinkedAccount, User, UserGroupMembership, UserLogin};
