//! What UltraCart's webhooks tell.

use std::collections::HashMap;
use std::fmt;

use serde::de::{self, DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{Text, User, UserId};

/// Something that happened in an account, as a webhook tells it: `{"user_update": {…the user…}}`.
///
/// It can come late, twice, or after what happened later: it says that something changed, and not what is so now.
///
/// A user in it has what could be read, and may be empty. A payload of `null`, or of another shape than a user's, is
/// no error: that the user changed would be lost with it. Then the user has its `user_id` and its `login` where they
/// can be made out, and nothing else.
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
    /// A user was made.
    UserCreate(Box<User>),
    /// A user was changed.
    UserUpdate(Box<User>),
    /// A user was deleted.
    UserDelete(Box<User>),
    /// A user logged in.
    UserLogin(Box<User>),
    /// Something else happened, to an order perhaps: its name. What came with it is not kept.
    Other(Text),
}

impl Event {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::UserCreate(_) => "user_create",
            Self::UserUpdate(_) => "user_update",
            Self::UserDelete(_) => "user_delete",
            Self::UserLogin(_) => "user_login",
            Self::Other(name) => name,
        }
    }

    /// The user that it is about, if it is about one.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::UserCreate(user)
            | Self::UserUpdate(user)
            | Self::UserDelete(user)
            | Self::UserLogin(user) => Some(user),
            Self::Other(_) => None,
        }
    }

    /// The user's identifier. Where an event is about a user and does not say which, it can be any.
    pub fn user_id(&self) -> Option<UserId> {
        self.user()?.user_id.filter(|id| id.get() > 0)
    }

    /// Reads the value behind an event's name.
    fn read<'de, A: MapAccess<'de>>(name: Text, map: &mut A) -> Result<Self, A::Error> {
        let event = match name.as_str() {
            "user_create" => Self::UserCreate,
            "user_update" => Self::UserUpdate,
            "user_delete" => Self::UserDelete,
            "user_login" => Self::UserLogin,
            _ => return map.next_value::<IgnoredAny>().map(|_| Self::Other(name)),
        };
        let payload: Box<RawValue> = map.next_value()?;
        Ok(event(Box::new(user(payload.get()))))
    }
}

/// One event and no more; for what webhooks deliver see [`Events`].
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
                let event = Event::read(name, &mut map)?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(event),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }
        deserializer.deserialize_map(One)
    }
}

/// The list of events in a delivery.
///
/// UltraCart documents an object with one key for each event. One with several is read as several events, and one with
/// none as none: to refuse it would be to have it sent again and again, with all that came along.
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
                while list.next_element_seed(Append(&mut events))?.is_some() {}
                Ok(events)
            }
        }

        /// Takes an object's events into a list.
        struct Append<'a>(&'a mut Vec<Event>);
        impl<'de> de::DeserializeSeed<'de> for Append<'_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_map(self)
            }
        }
        impl<'de> Visitor<'de> for Append<'_> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an event's name as its key")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(name) = map.next_key()? {
                    self.0.push(Event::read(name, &mut map)?);
                }
                Ok(())
            }
        }
        deserializer.deserialize_seq(List).map(Self)
    }
}

/// The user in an event, or what of it is needed most.
fn user(payload: &str) -> User {
    serde_json::from_str(payload).unwrap_or_else(|_| {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(payload).unwrap_or_default();
        let mut user = User::new();
        user.user_id = field(&fields, "user_id");
        user.login = field(&fields, "login");
        user
    })
}

fn field<T: DeserializeOwned>(fields: &HashMap<String, &RawValue>, name: &str) -> Option<T> {
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
    fn the_events_of_users() {
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
    fn what_this_version_does_not_know_of_a_user_is_kept() {
        let user = event(r#"{"user_update": {"user_id": 7, "beta": [1.0]}}"#).user().unwrap().clone();
        assert_eq!(user.extra.get("beta"), Some("[1.0]"));
    }

    #[test]
    fn an_event_of_something_else_is_its_name() {
        for payload in ["{}", "null", "7", r#"[{"user_update": {"user_id": 7}}]"#] {
            let read = event(&format!(r#"{{"order_create": {payload}}}"#));
            assert_eq!(read, Event::Other("order_create".into()));
            assert_eq!((read.name(), read.user(), read.user_id()), ("order_create", None, None));
        }
    }

    #[test]
    fn a_user_without_an_identifier_can_be_any() {
        for payload in ["null", "{}", r#"{"user_id": null}"#, r#"{"user_id": 0}"#, r#"{"user_id": -7}"#] {
            let read = event(&format!(r#"{{"user_delete": {payload}}}"#));
            assert!(matches!(read, Event::UserDelete(_)), "{payload}");
            assert_eq!(read.user_id(), None, "{payload}");
        }
    }

    #[test]
    fn of_a_user_of_another_shape_the_identifier_is_made_out() {
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
    fn passwords_are_never_read() {
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
    fn one_event_is_one_key() {
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
    fn in_a_list_every_key_is_an_event() {
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
    fn depth_is_no_danger() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for name in ["user_update", "other"] {
            assert_eq!(event(&format!(r#"{{"{name}": {deep}}}"#)).user_id(), None);
            let read = event(&format!(r#"{{"{name}": {{"user_id": 7, "deep": {deep}}}}}"#));
            assert_eq!(read.user_id(), (name == "user_update").then(|| 7.into()));
        }
    }
}
