//! The objects of [UltraCart]'s User API as they are on the wire.
//!
//! Every field is optional, as the API has it, and what this version does not know is kept: an object that is
//! read, changed and written back loses nothing. This crate does no I/O and knows no clock.
//!
//! ```
//! use ultracart_model::{Permission, User};
//!
//! // A field that no document mentions …
//! let mut user: User = serde_json::from_str(r#"{"user_id": 7, "email": "a@example.com", "beta": [1.0]}"#)?;
//! user.email = Some("b@example.com".into());
//! user.permissions = Some(vec![Permission::new().permission_name("orders_view").selected(true)]);
//!
//! // … is still there afterwards.
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

mod event;
mod extra;
mod group;
mod id;
mod login_dts;
mod read;
mod response;
mod secret;
mod selection;
mod text;
mod texts;
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
