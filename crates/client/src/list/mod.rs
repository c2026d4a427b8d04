//! Complete lists of users and groups, with look-ups.

mod index;

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use ultracart_model::{Group, GroupOid, User, UserId};

use index::{Index, MultiIndex, with_positions};

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

    /// Names of the fields that only the server fills in.
    const READ_ONLY_FIELDS: &'static [&'static str];

    /// Whether an item may have to be taken from the server's list, because the server's response to a
    /// request for that item alone can be empty. Such an item can lack a recent write, because the server's
    /// lists lag behind writes.
    const ITEM_MAY_COME_FROM_LIST: bool;

    /// Returns the first item with this id.
    fn find(&self, id: Self::Id) -> Option<&Arc<Self::Item>>;

    /// Returns the id as a number.
    fn raw_id(id: Self::Id) -> i32;

    /// Returns the id of an item.
    fn id(item: &Self::Item) -> Option<Self::Id>;

    /// Returns the names of the fields that are set in `other` and not in `item`.
    fn missing_fields<'a>(item: &Self::Item, other: &'a Self::Item) -> impl Iterator<Item = &'a str>;
}

/// Declares the type of a list: its items, their id, its indexes and its implementation of [`Listing`].
macro_rules! list {
    (
        $(#[$meta:meta])*
        $name:ident of $item:ident by $id:ident: $id_type:ident; $($index:ident: $index_type:ty),*;
        read only: $read_only:expr; item may come from list: $item_may_come_from_list:expr
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name {
            items: Box<[Arc<$item>]>,
            $id: Index,
            $($index: $index_type,)*
        }

        impl $name {
            #[doc = concat!("Returns the `", stringify!($item), "` with this id, or the first of several.")]
            ///
            /// Makes no call. Takes `O(log n)`; the first look-up by id sorts an index in `O(n log n)`.
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
            const ITEM_MAY_COME_FROM_LIST: bool = $item_may_come_from_list;

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
                item.missing_fields(other)
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

        // Indexes do not count: they are built from the items.

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
    /// All users of an account at one point in time, with look-ups. It dereferences to a slice.
    ///
    /// [`UserApi::get_users`](crate::UserApi::get_users) returns it. In a batch job, load the list once and
    /// look users up in it. Then only the list costs calls, and all users are from the same point in time. A
    /// look-up copies no user.
    ///
    /// ```
    /// use ultracart_client::{Users, model::User};
    ///
    /// // In a program: `api.get_users().await?`.
    /// let users = Users::from_iter([
    ///     User::new().user_id(7).login("ada").email("Ada@example.com"),
    ///     User::new().user_id(8).login("bob").email("ada@example.com"),
    /// ]);
    /// assert_eq!(users.get(8.into()), Some(&users[1]));
    /// assert_eq!(users.by_login("ada"), Some(&users[0]));
    /// assert_eq!(users.by_email("ada@example.com").count(), 2);
    /// ```
    Users of User by user_id: UserId; logins: Index, emails: Index, members: MultiIndex<GroupOid>;
    read only: ["login_histories"]; item may come from list: false
);

impl Users {
    /// Returns the user with exactly this login, or the first of several.
    ///
    /// Makes no call. Takes `O(log n)`; the first look-up by login sorts an index in `O(n log n)`.
    pub fn by_login(&self, login: &str) -> Option<&Arc<User>> {
        let found = self.logins.find(&self.items, |user| user.login.as_deref(), str::cmp, login);
        self.at(found.iter().copied()).next()
    }

    /// Returns the users with this e-mail address, in the order of the list. The case of ASCII letters is
    /// ignored.
    ///
    /// Makes no call. Takes `O(log n)`; the first look-up by e-mail address sorts an index in `O(n log n)`.
    pub fn by_email(&self, email: &str) -> impl Iterator<Item = &Arc<User>> + use<'_> {
        let found = self.emails.find(&self.items, |user| user.email.as_deref(), cmp_ignore_ascii_case, email);
        self.at(found.iter().copied())
    }

    /// Returns the users whose own `groups` field says that they are members of the group, in the order of
    /// the list.
    ///
    /// Makes no call. With n memberships it takes `O(log n)`; the first look-up by group sorts the
    /// memberships in `O(n log n)`.
    ///
    /// ```
    /// use ultracart_client::{Users, model::{User, UserGroupMembership}};
    ///
    /// let groups = |member: bool| vec![UserGroupMembership::new().group_oid(3).member(member)];
    /// let users = Users::from_iter([
    ///     User::new().login("ada").groups(groups(true)),
    ///     User::new().login("bob").groups(groups(false)),
    /// ]);
    /// assert_eq!(users.by_group(3.into()).collect::<Vec<_>>(), [&users[0]]);
    /// ```
    pub fn by_group(&self, group: GroupOid) -> impl Iterator<Item = &Arc<User>> {
        let keys = with_positions(&self.items).flat_map(|(position, user)| {
            let groups = user.groups.iter().flatten().filter(|group| group.member == Some(true));
            groups.filter_map(move |group| Some((group.group_oid?, position)))
        });
        self.at(self.members.find(keys, group).iter().map(|&(_, position)| position))
    }
}

list!(
    /// All groups of an account at one point in time, with look-ups. It dereferences to a slice.
    ///
    /// [`UserApi::get_groups`](crate::UserApi::get_groups) returns it. In a batch job, load the list once and
    /// look groups up in it. Then only the list costs calls, and all groups are from the same point in time.
    /// A look-up copies no group.
    ///
    /// ```
    /// use ultracart_client::{Groups, model::{Group, GroupUserMembership}};
    ///
    /// // In a program: `api.get_groups().await?`.
    /// let ada = GroupUserMembership::new().user_id(7).member(true);
    /// let groups = Groups::from_iter([
    ///     Group::new().group_oid(3).name("Support").users(vec![ada]),
    ///     Group::new().group_oid(4).name("Warehouse"),
    /// ]);
    /// assert_eq!(groups.get(4.into()), Some(&groups[1]));
    /// assert_eq!(groups.by_name("Support").collect::<Vec<_>>(), [&groups[0]]);
    /// assert_eq!(groups.by_user(7.into()).collect::<Vec<_>>(), [&groups[0]]);
    /// ```
    Groups of Group by group_oid: GroupOid; names: Index, users: MultiIndex<UserId>;
    read only: []; item may come from list: true
);

impl Groups {
    /// Returns the groups with exactly this name, in the order of the list.
    ///
    /// Makes no call. Takes `O(log n)`; the first look-up by name sorts an index in `O(n log n)`.
    pub fn by_name(&self, name: &str) -> impl Iterator<Item = &Arc<Group>> + use<'_> {
        let found = self.names.find(&self.items, |group| group.name.as_deref(), str::cmp, name);
        self.at(found.iter().copied())
    }

    /// Returns the groups that list the user as a member, in the order of the list.
    ///
    /// Makes no call. With n memberships it takes `O(log n)`; the first look-up by user sorts the memberships
    /// in `O(n log n)`.
    pub fn by_user(&self, user: UserId) -> impl Iterator<Item = &Arc<Group>> {
        let keys = with_positions(&self.items).flat_map(|(position, group)| {
            let users = group.users.iter().flatten().filter(|user| user.member == Some(true));
            users.filter_map(move |user| Some((user.user_id?, position)))
        });
        self.at(self.users.find(keys, user).iter().map(|&(_, position)| position))
    }
}

/// Compares texts and ignores the case of ASCII letters.
fn cmp_ignore_ascii_case(a: &str, b: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(lower).cmp(b.bytes().map(lower))
}

#[cfg(test)]
mod tests;
