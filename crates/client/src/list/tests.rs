use std::cell::Cell;

use proptest::prelude::*;
use ultracart_model::{GroupUserMembership, UserGroupMembership};

use super::*;

const TEXTS: [&str; 7] = ["", "a", "A", "ab", "aB", "ä", "Ä"];
const IDS: std::ops::Range<i32> = -1..4;

fn any_text() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(&TEXTS[..]))
}

/// Generates the memberships of a user or group, or `None` if the object does not list them. A membership is
/// a pair: the id of the group or user, and `member`. Either can be missing. Ids can be repeated.
fn any_memberships() -> impl Strategy<Value = Option<Vec<(Option<i32>, Option<bool>)>>> {
    let membership = (prop::option::of(IDS), prop::option::of(any::<bool>()));
    prop::option::of(prop::collection::vec(membership, 0..6))
}

prop_compose! {
    fn any_user()(
        id in prop::option::of(IDS), login in any_text(), email in any_text(), groups in any_memberships()
    ) -> User {
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
    fn any_group()(oid in prop::option::of(IDS), name in any_text(), users in any_memberships()) -> Group {
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

/// Returns the addresses of items. They tell items of a list apart even if the items are equal.
fn addresses<'a, T: 'a>(items: impl IntoIterator<Item = &'a Arc<T>>) -> Vec<*const T> {
    items.into_iter().map(Arc::as_ptr).collect()
}

fn all_matching<T>(list: &[Arc<T>], wanted: impl Fn(&T) -> bool) -> Vec<*const T> {
    addresses(list.iter().filter(|item| wanted(item)))
}

fn first_matching<T>(list: &[Arc<T>], wanted: impl Fn(&T) -> bool) -> Vec<*const T> {
    addresses(list.iter().find(|item| wanted(item)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn user_look_ups_match_a_linear_search(users in prop::collection::vec(any_user(), 0..60)) {
        let users = Users::from_iter(users);
        for id in IDS {
            let (user_id, oid) = (UserId::from(id), GroupOid::from(id));
            let expected = first_matching(&users, |user| user.user_id == Some(user_id));
            prop_assert_eq!(addresses(users.get(user_id)), expected);
            let is_member = |user: &User| {
                user.groups.iter().flatten().any(|group| group.group_oid == Some(oid) && group.member == Some(true))
            };
            prop_assert_eq!(addresses(users.by_group(oid)), all_matching(&users, is_member));
        }
        for text in TEXTS {
            let expected = first_matching(&users, |user| user.login.as_deref() == Some(text));
            prop_assert_eq!(addresses(users.by_login(text)), expected);
            let has_email =
                |user: &User| user.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(text));
            prop_assert_eq!(addresses(users.by_email(text)), all_matching(&users, has_email));
        }
    }

    #[test]
    fn group_look_ups_match_a_linear_search(groups in prop::collection::vec(any_group(), 0..60)) {
        let groups = Groups::from_iter(groups);
        for id in IDS {
            let (user_id, oid) = (UserId::from(id), GroupOid::from(id));
            let expected = first_matching(&groups, |group| group.group_oid == Some(oid));
            prop_assert_eq!(addresses(groups.get(oid)), expected);
            let has_member = |group: &Group| {
                group.users.iter().flatten().any(|user| user.user_id == Some(user_id) && user.member == Some(true))
            };
            prop_assert_eq!(addresses(groups.by_user(user_id)), all_matching(&groups, has_member));
        }
        for text in TEXTS {
            let expected = all_matching(&groups, |group| group.name.as_deref() == Some(text));
            prop_assert_eq!(addresses(groups.by_name(text)), expected);
        }
    }
}

#[test]
fn look_up_returns_the_shared_user_itself() {
    let shared: Vec<_> = (0..9).map(|n| Arc::new(User::new().user_id(n).email("a@example.com"))).collect();
    let users: Users = shared.iter().cloned().collect();
    assert!(Arc::ptr_eq(users.get(5.into()).unwrap(), &shared[5]));
    assert_eq!(addresses(users.by_email("A@example.com")), addresses(&shared));
    // One reference is in `shared`, the other in the list.
    assert!(shared.iter().all(|user| Arc::strong_count(user) == 2));
}

#[test]
fn look_ups_among_100_000_users_are_fast() {
    let users: Users = (0..100_000)
        .map(|n| {
            let groups = vec![UserGroupMembership::new().group_oid(n % 1000).member(true)];
            User::new().user_id(n).login(format!("{n}")).email(format!("{n}@Example.com")).groups(groups)
        })
        .collect();
    // With linear searches this would take many minutes.
    for (id, user) in (0..).zip(&users) {
        assert!(Arc::ptr_eq(users.get(UserId::from(id)).unwrap(), user));
        assert!(Arc::ptr_eq(users.by_login(&id.to_string()).unwrap(), user));
        assert_eq!(addresses(users.by_email(&format!("{id}@example.com"))), addresses([user]));
    }
    assert!((0..1000).all(|group| users.by_group(group.into()).count() == 100));
}

#[test]
fn second_look_up_compares_few_items() {
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
        // Two binary searches: for the first match, and for the end of the matches.
        assert!(compared(wanted) <= 2 * 18, "{wanted}");
    }
}

#[test]
fn found_users_outlive_the_email_searched_for() {
    let users = Users::from_iter([User::new().email("a@example.com")]);
    let found = users.by_email(&String::from("a@example.com"));
    assert_eq!(found.count(), 1);
}

#[test]
fn look_up_does_not_change_eq_debug_or_clone() {
    let new = || Users::from_iter([User::new().user_id(2).login("b"), User::new().user_id(1).login("a")]);
    let indexed = new();
    assert_eq!(indexed.get(2.into()), Some(&indexed[0]));
    assert_eq!(indexed.by_login("a"), Some(&indexed[1]));
    assert_eq!(indexed, new());
    assert_eq!(format!("{indexed:?}"), format!("Users({:?})", &*indexed));
    let clone = indexed.clone();
    assert_eq!(clone, indexed);
    assert_eq!(addresses(clone.get(1.into())), addresses([&indexed[1]]));
    assert_ne!(indexed, indexed.iter().rev().cloned().collect());
}
