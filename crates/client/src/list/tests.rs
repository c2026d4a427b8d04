use std::cell::Cell;

use proptest::prelude::*;
use ultracart_model::{GroupUserMembership, UserGroupMembership};

use super::*;

const TEXTS: [&str; 7] = ["", "a", "A", "ab", "aB", "ä", "Ä"];
const IDS: std::ops::Range<i32> = -1..4;

fn text() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(&TEXTS[..]))
}

/// What an item says of the others: id and membership, either of which can be missing, and ids more than once.
fn says() -> impl Strategy<Value = Option<Vec<(Option<i32>, Option<bool>)>>> {
    let one = (prop::option::of(IDS), prop::option::of(any::<bool>()));
    prop::option::of(prop::collection::vec(one, 0..6))
}

prop_compose! {
    fn any_user()(id in prop::option::of(IDS), login in text(), email in text(), groups in says()) -> User {
        let mut user = User::new();
        user.user_id = id.map(Into::into);
        user.login = login.map(Into::into);
        user.email = email.map(Into::into);
        let membership = |(oid, member): (Option<i32>, _)| {
            let mut membership = UserGroupMembership::new();
            membership.group_oid = oid.map(Into::into);
            membership.member = member;
            membership
        };
        user.groups = groups.map(|groups| groups.into_iter().map(membership).collect());
        user
    }
}

prop_compose! {
    fn any_group()(oid in prop::option::of(IDS), name in text(), users in says()) -> Group {
        let mut group = Group::new();
        group.group_oid = oid.map(Into::into);
        group.name = name.map(Into::into);
        let membership = |(id, member): (Option<i32>, _)| {
            let mut membership = GroupUserMembership::new();
            membership.user_id = id.map(Into::into);
            membership.member = member;
            membership
        };
        group.users = users.map(|users| users.into_iter().map(membership).collect());
        group
    }
}

/// Which items they are, not only what they say.
fn which<'a, T: 'a>(items: impl IntoIterator<Item = &'a Arc<T>>) -> Vec<*const T> {
    items.into_iter().map(Arc::as_ptr).collect()
}

fn linear<T>(list: &[Arc<T>], wanted: impl Fn(&T) -> bool) -> Vec<*const T> {
    which(list.iter().filter(|item| wanted(item)))
}

fn first<T>(list: &[Arc<T>], wanted: impl Fn(&T) -> bool) -> Vec<*const T> {
    which(list.iter().find(|item| wanted(item)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn users_are_found_as_by_a_linear_search(users in prop::collection::vec(any_user(), 0..60)) {
        let users = Users::from_iter(users);
        for id in IDS {
            let (user_id, oid) = (UserId::from(id), GroupOid::from(id));
            prop_assert_eq!(which(users.get(user_id)), first(&users, |user| user.user_id == Some(user_id)));
            let is_member = |user: &User| {
                user.groups.iter().flatten().any(|group| group.group_oid == Some(oid) && group.member == Some(true))
            };
            prop_assert_eq!(which(users.members(oid)), linear(&users, is_member));
        }
        for text in TEXTS {
            prop_assert_eq!(which(users.by_login(text)), first(&users, |user| user.login.as_deref() == Some(text)));
            let has_email =
                |user: &User| user.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(text));
            prop_assert_eq!(which(users.by_email(text)), linear(&users, has_email));
        }
    }

    #[test]
    fn groups_are_found_as_by_a_linear_search(groups in prop::collection::vec(any_group(), 0..60)) {
        let groups = Groups::from_iter(groups);
        for id in IDS {
            let (user_id, oid) = (UserId::from(id), GroupOid::from(id));
            prop_assert_eq!(which(groups.get(oid)), first(&groups, |group| group.group_oid == Some(oid)));
            let has_member = |group: &Group| {
                group.users.iter().flatten().any(|user| user.user_id == Some(user_id) && user.member == Some(true))
            };
            prop_assert_eq!(which(groups.of_user(user_id)), linear(&groups, has_member));
        }
        for text in TEXTS {
            prop_assert_eq!(which(groups.by_name(text)), linear(&groups, |group| group.name.as_deref() == Some(text)));
        }
    }
}

#[test]
fn a_look_up_in_a_list_of_shared_users_gives_those_very_users() {
    let shared: Vec<_> = (0..9).map(|n| Arc::new(User::new().user_id(n).email("a@example.com"))).collect();
    let users: Users = shared.iter().cloned().collect();
    assert!(Arc::ptr_eq(users.get(5.into()).unwrap(), &shared[5]));
    assert_eq!(which(users.by_email("A@example.com")), which(&shared));
    // Ours and the list's.
    assert!(shared.iter().all(|user| Arc::strong_count(user) == 2));
}

#[test]
fn each_of_100_000_users_is_found() {
    let users: Users = (0..100_000)
        .map(|n| {
            let groups = vec![UserGroupMembership::new().group_oid(n % 1000).member(true)];
            User::new().user_id(n).login(format!("{n}")).email(format!("{n}@Example.com")).groups(groups)
        })
        .collect();
    // Searched from one end to the other each time, this would take many minutes.
    for (id, user) in (0..).zip(&users) {
        assert!(Arc::ptr_eq(users.get(UserId::from(id)).unwrap(), user));
        assert!(Arc::ptr_eq(users.by_login(&id.to_string()).unwrap(), user));
        assert_eq!(which(users.by_email(&format!("{id}@example.com"))), which([user]));
    }
    assert!((0..1000).all(|group| users.members(group.into()).count() == 100));
}

#[test]
fn a_further_look_up_compares_with_few_items() {
    let users: Users = (0..100_000).map(|n| User::new().user_id(n)).collect();
    let (index, comparisons) = (Index::default(), Cell::new(0));
    let order = |a: &UserId, b: &UserId| {
        comparisons.set(comparisons.get() + 1);
        a.cmp(b)
    };
    let compared = |wanted: i32| {
        comparisons.set(0);
        index.find(&users, |user| user.user_id.as_ref(), order, &wanted.into());
        comparisons.get()
    };
    assert!(compared(7) > 90_000);
    for wanted in [-1, 0, 7, 50_000, 99_999, 100_000] {
        // Twice the logarithm: to where the wanted ones begin, and from there to where they end.
        assert!(compared(wanted) <= 2 * 18, "{wanted}");
    }
}

#[test]
fn an_iterator_outlives_what_it_was_asked_with() {
    let users = Users::from_iter([User::new().email("a@example.com")]);
    let found = users.by_email(&String::from("a@example.com"));
    assert_eq!(found.count(), 1);
}

#[test]
fn a_list_that_was_looked_up_in_is_shown_compared_and_cloned_as_before() {
    let new = || Users::from_iter([User::new().user_id(2).login("b"), User::new().user_id(1).login("a")]);
    let used = new();
    assert_eq!(used.get(2.into()), Some(&used[0]));
    assert_eq!(used.by_login("a"), Some(&used[1]));
    assert_eq!(used, new());
    assert_eq!(format!("{used:?}"), format!("Users({:?})", &*used));
    let clone = used.clone();
    assert_eq!(clone, used);
    assert_eq!(which(clone.get(1.into())), which([&used[1]]));
    assert_ne!(used, used.iter().rev().cloned().collect());
}
