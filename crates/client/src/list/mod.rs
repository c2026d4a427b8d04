//! Whole lists, and looking up in them.

mod index;

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId};

use index::{Index, ManyKeys, numbered};

/// A list whose items have ids.
pub(crate) trait Listing:
    Deref<Target = [Arc<<Self as Listing>::Item>]>
    + FromIterator<Arc<<Self as Listing>::Item>>
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
    type Id: Copy + fmt::Debug + Eq + Hash + Send + Sync + 'static;
    type Item: Clone + Default + fmt::Debug + PartialEq + Send + Sync + 'static;

    /// The names of the fields that only the server fills in.
    const READ_ONLY_FIELDS: &'static [&'static str];

    /// Whether an item may be read with the list instead of by itself.
    const READ_WITH_LIST: bool;

    /// Returns the first item with this id.
    fn find(&self, id: Self::Id) -> Option<&Arc<Self::Item>>;

    fn raw_id(id: Self::Id) -> i32;

    fn id(item: &Self::Item) -> Option<Self::Id>;

    /// Returns the names of the fields that are set in `other` and not in `item`.
    fn missing_fields<'a>(item: &Self::Item, other: &'a Self::Item) -> impl Iterator<Item = &'a str>;
}

macro_rules! list {
    (
        $(#[$meta:meta])*
        $name:ident of $item:ident by $id:ident: $id_type:ident; $($index:ident: $index_type:ty),*;
        read only: $read_only:expr; read with list: $read_with_list:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name {
            items: Box<[Arc<$item>]>,
            $id: Index,
            $($index: $index_type,)*
        }

        impl $name {
            /// The one with this id; the first, if the list has several.
            ///
            /// Costs no call, and `O(log n)`; the first such look-up sorts the list, `O(n log n)`.
            pub fn get(&self, id: $id_type) -> Option<&Arc<$item>> {
                self.find(id)
            }

            fn at(&self, positions: impl Iterator<Item = u32>) -> impl Iterator<Item = &Arc<$item>> {
                positions.map(|position| &self.items[position as usize])
            }
        }

        impl Listing for $name {
            type Id = $id_type;
            type Item = $item;
            const READ_ONLY_FIELDS: &'static [&'static str] = &$read_only;
            const READ_WITH_LIST: bool = $read_with_list;

            fn find(&self, id: $id_type) -> Option<&Arc<$item>> {
                let found = self.$id.find(&self.items, |item| item.$id.as_ref(), Ord::cmp, &id);
                self.at(found.iter().copied()).next()
            }

            fn raw_id(id: $id_type) -> i32 {
                id.get()
            }

            fn id(item: &$item) -> Option<$id_type> {
                item.$id
            }

            fn missing_fields<'a>(item: &$item, other: &'a $item) -> impl Iterator<Item = &'a str> {
                item.lacks(other)
            }
        }

        impl FromIterator<Arc<$item>> for $name {
            fn from_iter<I: IntoIterator<Item = Arc<$item>>>(items: I) -> Self {
                Self {
                    items: items.into_iter().collect(),
                    $id: Index::default(),
                    $($index: Default::default(),)*
                }
            }
        }

        impl FromIterator<$item> for $name {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                items.into_iter().map(Arc::new).collect()
            }
        }

        impl Deref for $name {
            type Target = [Arc<$item>];
            fn deref(&self) -> &Self::Target {
                &self.items
            }
        }

        impl<'a> IntoIterator for &'a $name {
            type Item = &'a Arc<$item>;
            type IntoIter = std::slice::Iter<'a, Arc<$item>>;
            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        // What has been looked up in a list makes no other list of it.

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.items == other.items
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.items).finish()
            }
        }
    };
}

list!(
    /// All users of an account, as they were when they were read.
    ///
    /// For a batch take the list once and look up in it: the batch then costs the calls for one list, and sees every
    /// user as of the same moment. A look-up copies no user.
    ///
    /// ```
    /// use ultracart_client::{Users, model::User};
    ///
    /// // As `UserApi::get_users` gives it.
    /// let users = Users::from_iter([
    ///     User::new().user_id(7).login("ada").email("Ada@example.com"),
    ///     User::new().user_id(8).login("bob").email("ada@example.com"),
    /// ]);
    /// assert_eq!(users.get(8.into()), Some(&users[1]));
    /// assert_eq!(users.by_login("ada"), Some(&users[0]));
    /// assert_eq!(users.by_email("ada@example.com").count(), 2);
    /// ```
    Users of User by user_id: UserId; logins: Index, emails: Index, members: ManyKeys<GroupOid>;
    read only: ["login_histories"]; read with list: false
);

impl Users {
    /// The one with exactly this login; the first, if the list has several.
    ///
    /// Costs no call, and `O(log n)`; the first such look-up sorts the list, `O(n log n)`.
    pub fn by_login(&self, login: &str) -> Option<&Arc<User>> {
        let found = self.logins.find(&self.items, |user| user.login.as_deref(), str::cmp, login);
        self.at(found.iter().copied()).next()
    }

    /// Those with this e-mail address, in the list's order. `A` and `a` are the same, `Ä` and `ä` are not.
    ///
    /// Costs no call, and `O(log n)`; the first such look-up sorts the list, `O(n log n)`.
    pub fn by_email(&self, email: &str) -> impl Iterator<Item = &Arc<User>> + use<'_> {
        let found = self.emails.find(&self.items, |user| user.email.as_deref(), ignoring_case, email);
        self.at(found.iter().copied())
    }

    /// Those who say that they are in this group, in the list's order.
    ///
    /// Costs no call, and `O(log n)`; the first such look-up sorts all memberships, `O(n log n)`.
    ///
    /// ```
    /// use ultracart_client::{Users, model::{User, UserGroupMembership}};
    ///
    /// let groups = |member: bool| vec![UserGroupMembership::new().group_oid(3).member(member)];
    /// let users = Users::from_iter([
    ///     User::new().login("ada").groups(groups(true)),
    ///     User::new().login("bob").groups(groups(false)),
    /// ]);
    /// assert_eq!(users.members(3.into()).collect::<Vec<_>>(), [&users[0]]);
    /// ```
    pub fn members(&self, group: GroupOid) -> impl Iterator<Item = &Arc<User>> {
        let keys = numbered(&self.items).flat_map(|(position, user)| {
            let groups = user.groups.iter().flatten().filter(|group| group.member == Some(true));
            groups.filter_map(move |group| Some((group.group_oid?, position)))
        });
        self.at(self.members.find(keys, group).iter().map(|&(_, position)| position))
    }
}

list!(
    /// All groups of an account, as they were when they were read.
    ///
    /// For a batch take the list once and look up in it: the batch then costs the calls for one list, and sees every
    /// group as of the same moment. A look-up copies no group.
    ///
    /// ```
    /// use ultracart_client::{Groups, model::{Group, GroupUserMembership}};
    ///
    /// // As `UserApi::get_groups` gives it.
    /// let ada = GroupUserMembership::new().user_id(7).member(true);
    /// let groups = Groups::from_iter([
    ///     Group::new().group_oid(3).name("Support").users(vec![ada]),
    ///     Group::new().group_oid(4).name("Warehouse"),
    /// ]);
    /// assert_eq!(groups.get(4.into()), Some(&groups[1]));
    /// assert_eq!(groups.by_name("Support").collect::<Vec<_>>(), [&groups[0]]);
    /// assert_eq!(groups.of_user(7.into()).collect::<Vec<_>>(), [&groups[0]]);
    /// ```
    Groups of Group by group_oid: GroupOid; names: Index, users: ManyKeys<UserId>;
    read only: []; read with list: true
);

impl Groups {
    /// Those with exactly this name, in the list's order.
    ///
    /// Costs no call, and `O(log n)`; the first such look-up sorts the list, `O(n log n)`.
    pub fn by_name(&self, name: &str) -> impl Iterator<Item = &Arc<Group>> + use<'_> {
        let found = self.names.find(&self.items, |group| group.name.as_deref(), str::cmp, name);
        self.at(found.iter().copied())
    }

    /// Those that say that this user is in them, in the list's order.
    ///
    /// Costs no call, and `O(log n)`; the first such look-up sorts all memberships, `O(n log n)`.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &Arc<Group>> {
        let keys = numbered(&self.items).flat_map(|(position, group)| {
            let users = group.users.iter().flatten().filter(|user| user.member == Some(true));
            users.filter_map(move |user| Some((user.user_id?, position)))
        });
        self.at(self.users.find(keys, user).iter().map(|&(_, position)| position))
    }
}

/// The order in which texts are equal if they differ in the case of ASCII letters alone.
fn ignoring_case(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

#[cfg(test)]
mod tests;
