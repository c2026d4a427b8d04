//! The events that UltraCart's webhooks report.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{Text, User, UserId};

/// An event in an account, as a webhook reports it: `{"user_update": {…the user…}}`.
///
/// An event says only that something changed. It can arrive late, twice or out of order, so its user may be
/// outdated.
///
/// Any field of the user can be missing. A payload that is not a user, such as `null`, is accepted, because
/// an error would hide the change. The event's user then has at most a `user_id` and a `login`.
///
/// ```
/// use ultracart_model::Event;
/// let event: Event = serde_json::from_str(r#"{"user_update": {"user_id": 7, "login": "ada"}}"#)?;
/// assert!(matches!(event, Event::UserUpdate(_)));
/// assert_eq!(event.user_id(), Some(7.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A user was inserted.
    UserCreate(Box<User>),
    /// A user was updated.
    UserUpdate(Box<User>),
    /// A user was deleted.
    UserDelete(Box<User>),
    /// A user logged in.
    UserLogin(Box<User>),
    /// Another event, for example of an order. Contains the event's name; its payload is dropped.
    Other(Text),
}

impl Event {
    /// Returns the event's name on the wire, such as `user_update`.
    pub fn name(&self) -> &str {
        match self {
            Self::UserCreate(_) => "user_create",
            Self::UserUpdate(_) => "user_update",
            Self::UserDelete(_) => "user_delete",
            Self::UserLogin(_) => "user_login",
            Self::Other(name) => name,
        }
    }

    /// Returns the user that the event is about, or `None` for [`Event::Other`].
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::UserCreate(user)
            | Self::UserUpdate(user)
            | Self::UserDelete(user)
            | Self::UserLogin(user) => Some(user),
            Self::Other(_) => None,
        }
    }

    /// Returns the id of the user that the event is about.
    ///
    /// Returns `None` if the event is not about a user; then [`user`](Self::user) returns `None`, too. Also
    /// returns `None` if the event is about a user but lacks a valid id. Then [`user`](Self::user) returns
    /// `Some`, and any user of the account may have changed.
    pub fn user_id(&self) -> Option<UserId> {
        self.user()?.user_id.filter(|id| id.get() > 0)
    }

    /// Decodes the event called `name`. The next value in `map` is its payload.
    fn decode<'de, A: MapAccess<'de>>(name: Text, map: &mut A) -> Result<Self, A::Error> {
        let event = match name.as_str() {
            "user_create" => Self::UserCreate,
            "user_update" => Self::UserUpdate,
            "user_delete" => Self::UserDelete,
            "user_login" => Self::UserLogin,
            _ => return map.next_value::<IgnoredAny>().map(|_| Self::Other(name)),
        };
        let payload: Box<RawValue> = map.next_value()?;
        Ok(event(Box::new(decode_user(payload.get()))))
    }
}

/// Decodes exactly one event. [`Events`] decodes a whole delivery.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Event;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the event's name as its one key")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
                let name = map.next_key()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let event = Event::decode(name, &mut map)?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(event),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }
        deserializer.deserialize_map(One)
    }
}

/// The events of one delivery.
///
/// UltraCart documents a list of objects that have one key each. An object with several keys is decoded as
/// several events, and an empty object as none. Neither is an error: after an error, UltraCart would send the
/// whole delivery again and again.
///
/// ```
/// use ultracart_model::Events;
/// let Events(events) = serde_json::from_str(r#"[{"user_login": {"user_id": 7}}, {"order_create": {}}]"#)?;
/// assert_eq!(events[0].name(), "user_login");
/// assert_eq!(events[1].name(), "order_create");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events(pub Vec<Event>);

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Vec<Event>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of events")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Event>, A::Error> {
                let mut events = Vec::new();
                while list.next_element_seed(EventAppender(&mut events))?.is_some() {}
                Ok(events)
            }
        }

        /// Appends an object's events to a list.
        struct EventAppender<'a>(&'a mut Vec<Event>);
        impl<'de> de::DeserializeSeed<'de> for EventAppender<'_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_map(self)
            }
        }
        impl<'de> Visitor<'de> for EventAppender<'_> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an event's name as its key")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(name) = map.next_key()? {
                    self.0.push(Event::decode(name, &mut map)?);
                }
                Ok(())
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

/// Decodes the user in an event. If that fails, decodes only its `user_id` and `login`.
fn decode_user(payload: &str) -> User {
    serde_json::from_str(payload).unwrap_or_else(|_| {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(payload).unwrap_or_default();
        let mut user = User::new();
        user.user_id = decode_field(&fields, "user_id");
        user.login = decode_field(&fields, "login");
        user
    })
}

fn decode_field<T: DeserializeOwned>(fields: &HashMap<String, &RawValue>, name: &str) -> Option<T> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        serde_json::from_str(json).unwrap()
    }

    fn ada() -> Box<User> {
        Box::new(User::new().user_id(7).login("ada"))
    }

    #[test]
    fn user_event_decodes_to_its_variant() {
        for (name, expected) in [
            ("user_create", Event::UserCreate(ada())),
            ("user_update", Event::UserUpdate(ada())),
            ("user_delete", Event::UserDelete(ada())),
            ("user_login", Event::UserLogin(ada())),
        ] {
            let read = event(&format!(r#"{{"{name}": {{"user_id": 7, "login": "ada"}}}}"#));
            assert_eq!(read, expected);
            assert_eq!((read.name(), read.user_id()), (name, Some(7.into())));
            assert_eq!(read.user(), Some(&*ada()));
        }
    }

    #[test]
    fn unknown_field_of_a_user_is_kept() {
        let user = event(r#"{"user_update": {"user_id": 7, "beta": [1.0]}}"#).user().unwrap().clone();
        assert_eq!(user.extra.get("beta"), Some("[1.0]"));
    }

    #[test]
    fn other_event_keeps_only_its_name() {
        for payload in ["{}", "null", "7", r#"[{"user_update": {"user_id": 7}}]"#] {
            let read = event(&format!(r#"{{"order_create": {payload}}}"#));
            assert_eq!(read, Event::Other("order_create".into()));
            assert_eq!((read.name(), read.user(), read.user_id()), ("order_create", None, None));
        }
    }

    #[test]
    fn user_without_valid_id_has_no_id() {
        for payload in ["null", "{}", r#"{"user_id": null}"#, r#"{"user_id": 0}"#, r#"{"user_id": -7}"#] {
            let read = event(&format!(r#"{{"user_delete": {payload}}}"#));
            assert!(matches!(read, Event::UserDelete(_)), "{payload}");
            assert_eq!(read.user_id(), None, "{payload}");
        }
    }

    #[test]
    fn malformed_user_keeps_its_id_and_login() {
        for (payload, user) in [
            (r#"{"groups": 3, "user_id": 7, "email": "a", "login": "ada"}"#, *ada()),
            (r#"{"user_id": 7, "login": {"name": "ada"}}"#, User::new().user_id(7)),
            (r#"{"user_id": "7", "login": "ada"}"#, User::new().login("ada")),
            (r#"{"user_id": 99999999999}"#, User::new()),
            (r#"[{"user_id": 7}]"#, User::new()),
            ("7", User::new()),
        ] {
            assert_eq!(event(&format!(r#"{{"user_update": {payload}}}"#)).user(), Some(&user), "{payload}");
        }
    }

    #[test]
    fn password_in_an_event_is_never_decoded() {
        for groups in ["[]", "3"] {
            let json = format!(
                r#"{{"user_create": {{"user_id": 7, "change_password_to": "hunter2",
                "change_ftp_password_to": "hunter3", "groups": {groups}}}}}"#
            );
            let user = event(&json).user().unwrap().clone();
            assert_eq!((user.change_password_to, user.change_ftp_password_to), (None, None));
            assert!(user.extra.is_empty());
        }
    }

    #[test]
    fn event_without_exactly_one_key_is_an_error() {
        for json in [
            "{}",
            r#"{"user_update": {}, "user_login": {}}"#,
            r#"{"a": 1, "b": 2}"#,
            "[]",
            r#""user_update""#,
            r#"{"user_update": {}"#,
            "null",
        ] {
            assert!(serde_json::from_str::<Event>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn every_key_in_a_list_is_an_event() {
        let json =
            r#"[{"user_update": {"user_id": 7}, "sent": 1}, {}, {"user_login": null, "user_delete": 0}]"#;
        let Events(events) = serde_json::from_str(json).unwrap();
        let names: Vec<&str> = events.iter().map(Event::name).collect();
        assert_eq!(names, ["user_update", "sent", "user_login", "user_delete"]);
        assert_eq!(serde_json::from_str::<Events>("[]").unwrap(), Events::default());
        for json in ["{}", "null", "[1]", "[null]", "[[]]", r#"[{"a": 1}"#] {
            assert!(serde_json::from_str::<Events>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn deeply_nested_event_does_not_overflow() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for name in ["user_update", "other"] {
            assert_eq!(event(&format!(r#"{{"{name}": {deep}}}"#)).user_id(), None);
            let read = event(&format!(r#"{{"{name}": {{"user_id": 7, "deep": {deep}}}}}"#));
            assert_eq!(read.user_id(), (name == "user_update").then(|| 7.into()));
        }
    }
}
