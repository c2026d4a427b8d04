//! Whole lists.

use std::ops::Deref;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId};

macro_rules! list {
    ($(#[$meta:meta])* $name:ident of $item:ident by $id:ident: $id_type:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name(Box<[Arc<$item>]>);

        impl $name {
            /// The one with this id.
            pub fn get(&self, id: $id_type) -> Option<&Arc<$item>> {
                self.iter().find(|item| item.$id == Some(id))
            }
        }

        impl FromIterator<$item> for $name {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                Self(items.into_iter().map(Arc::new).collect())
            }
        }

        impl Deref for $name {
            type Target = [Arc<$item>];
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl<'a> IntoIterator for &'a $name {
            type Item = &'a Arc<$item>;
            type IntoIter = std::slice::Iter<'a, Arc<$item>>;
            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }
    };
}

list!(
    /// All users of an account, as they were when they were read.
    Users of User by user_id: UserId
);
list!(
    /// All groups of an account, as they were when they were read.
    Groups of Group by group_oid: GroupOid
);
