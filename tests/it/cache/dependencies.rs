//! Promise 8: a write invalidates only what it affects.

use ultracart_client::model::{Group, GroupOid, User, UserLogin};
use ultracart_client::{CachePolicy, Client, Config};
use ultracart_sim::{Fault, GetGroupBody, Operation, Sim};

use crate::support::{MINUTE, SECOND, group_oid, name_in, no_retries, spawn, user_id};
use crate::{client, two_at_a_time};

fn is_member(user: &User, oid: GroupOid) -> Option<bool> {
    user.groups.iter().flatten().find(|group| group.group_oid == Some(oid))?.member
}

/// Checks that a read of a group shows a user write that has ended, even while an older request for the list
/// of groups is in flight.
///
/// `getGroup` returns an empty body, so the client reads groups from the list. `invalidate_list` makes the
/// cached list unusable, so the next read requests the list again. The user is written while this request is
/// in flight.
async fn check_group_after_user_write(invalidate_list: impl AsyncFnOnce(&Client)) {
    let builder = Sim::builder().users(5).groups(3).get_group_body(GetGroupBody::Empty);
    let sim = builder.max_in_flight(2).build();
    let client = client(&sim, two_at_a_time());
    let api = client.user_api();
    let oid = sim.groups()[0].group_oid.unwrap();
    let id = sim.users()[2].user_id.unwrap();
    api.get_group(oid).await.unwrap();
    invalidate_list(&client).await;
    sim.fault(Fault::slow_body(10 * SECOND).on(Operation::GetGroups));
    let before = spawn(&api, |api| async move { api.get_group(oid).await });
    tokio::time::advance(SECOND).await;
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    assert_eq!(name_in(&api.get_group(oid).await.unwrap(), id), Some("Ada L."));
    before.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn write_invalidates_only_what_it_affects() {
    let sim = Sim::builder().users(5).groups(3).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    // Returns the calls that each read costs: users, groups, the user's logins and another user's logins.
    let cost = async || {
        let before = sim.calls();
        let users = api.get_users().await.unwrap().calls();
        let groups = api.get_groups().await.unwrap().calls();
        let logins = api.get_user_logins(id).await.unwrap().calls();
        let others = api.get_user_logins(other).await.unwrap().calls();
        let cost = [users, groups, logins, others];
        assert_eq!(u64::from(cost.iter().sum::<u32>()), sim.calls() - before);
        cost
    };
    // Returns the calls that each list costs six seconds later.
    let lists_later = async || {
        tokio::time::advance(6 * SECOND).await;
        [api.get_users().await.unwrap().calls(), api.get_groups().await.unwrap().calls()]
    };
    // A list that was sent within 5 s after a write is fresh for 5 s, and the next one for its TTL.
    let check_after_write = async |expected: [u32; 4]| {
        assert_eq!(cost().await, expected);
        assert_eq!(lists_later().await, expected[..2]);
        assert_eq!(lists_later().await, [0, 0]);
    };
    assert_eq!(cost().await, [1, 1, 1, 1]);
    assert_eq!(lists_later().await, [0, 0]);
    assert_eq!(cost().await, [0, 0, 0, 0]);
    assert_eq!(lists_later().await, [0, 0]);
    api.update_user(id, &User::new().phone("555-0100")).await.unwrap();
    check_after_write([1, 0, 0, 0]).await;
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.update_user(id, &User::new().login("ada.l")).await.unwrap();
    check_after_write([1, 1, 1, 0]).await;
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    check_after_write([1, 0, 0, 0]).await;
    api.update_user_with(id, |user| {
        let membership = &mut user.groups.as_mut().unwrap()[0];
        membership.member = Some(membership.member != Some(true));
    })
    .await
    .unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    let new = api.insert_user(&User::new().login("new.user")).await.unwrap().user_id.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.delete_user(new).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.update_group_with(oid, |group| group.name = Some("Day shift".into())).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.insert_group(&Group::new().name("Evening shift")).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
    api.delete_group(oid).await.unwrap();
    check_after_write([1, 1, 0, 0]).await;
}

#[tokio::test(start_paused = true)]
async fn group_write_after_user_write_shows_in_user() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[1].user_id.unwrap();
    let oid = sim.groups()[1].group_oid.unwrap();
    api.get_users().await.unwrap();
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    let before = is_member(&sim.user(id).unwrap(), oid).unwrap();
    api.update_group_with(oid, |group| {
        for user in group.users.iter_mut().flatten().filter(|user| user.user_id == Some(id)) {
            user.member = Some(!before);
        }
    })
    .await
    .unwrap();
    let users = api.get_users().await.unwrap();
    assert_eq!(is_member(users.get(id).unwrap(), oid), Some(!before));
    api.update_user_with(id, |user| user.phone = Some("555-0101".into())).await.unwrap();
    assert_eq!(is_member(&sim.user(id).unwrap(), oid), Some(!before));
}

#[tokio::test(start_paused = true)]
async fn user_write_after_group_write_shows_in_group() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let id = sim.users()[1].user_id.unwrap();
    let oid = sim.groups()[1].group_oid.unwrap();
    api.update_group(oid, &Group::new().name("Night shift")).await.unwrap();
    api.update_user(id, &User::new().full_name("Ada L.")).await.unwrap();
    let groups = api.get_groups().await.unwrap();
    assert_eq!(name_in(groups.get(oid).unwrap(), id), Some("Ada L."));
}

#[tokio::test(start_paused = true)]
async fn group_from_expired_list_shows_write() {
    check_group_after_user_write(async |_| tokio::time::advance(6 * MINUTE).await).await;
}

#[tokio::test(start_paused = true)]
async fn group_after_clear_and_write_shows_write() {
    check_group_after_user_write(async |client| client.clear_cache()).await;
}

#[tokio::test(start_paused = true)]
async fn group_newer_than_base_of_change_is_reread() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let oid = sim.groups()[0].group_oid.unwrap();
    let name = sim.user(id).unwrap().full_name;
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(SECOND).await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    api.get_group(oid).await.unwrap();
    // The change is based on the cached user, so it writes back the old name, as documented.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().full_name, name);
    let group = api.get_group(oid).await.unwrap();
    let shown = group.users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap();
    assert_eq!(shown.full_name, name);
}

#[tokio::test(start_paused = true)]
async fn groups_read_while_change_waits_are_reread() {
    let sim = Sim::builder().users(5).groups(2).build();
    let mut config = Config::default();
    config.limiter.windows[0].burst = Some(4);
    let api = client(&sim, config).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    let name = sim.user(id).unwrap().full_name;
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(SECOND).await;
    sim.edit_user(id, |user| user.full_name = Some("Ada L.".into()));
    let groups = spawn(&api, |api| async move { api.get_groups().await.map(drop) });
    tokio::task::yield_now().await;
    // The change is queued behind the call that reads the groups.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    groups.await.unwrap().unwrap();
    assert_eq!(sim.user(id).unwrap().full_name, name);
    let groups = api.get_groups().await.unwrap();
    let shown = groups[0].users.iter().flatten().find(|user| user.user_id == Some(id)).unwrap();
    assert_eq!(shown.full_name, name);
}

#[tokio::test(start_paused = true)]
async fn logins_newer_than_base_of_change_are_reread() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let [id, other] = [0, 1].map(|index| sim.users()[index].user_id.unwrap());
    api.get_users().await.unwrap();
    api.get_user(other).await.unwrap();
    tokio::time::advance(SECOND).await;
    // The login history of the account shows the current login name.
    let rename = |login: &str| {
        sim.edit_user(id, |user| user.login = Some(login.into()));
        sim.set_logins(id, [UserLogin::new().login(login)]);
    };
    let login = sim.user(id).unwrap().login.unwrap();
    rename("renamed.elsewhere");
    assert_eq!(api.get_user_logins(id).await.unwrap()[0].login.as_deref(), Some("renamed.elsewhere"));
    // The change is based on the cached user, so it writes back the old login name, as documented.
    api.update_user_with(id, |user| user.phone = Some("555-0100".into())).await.unwrap();
    assert_eq!(sim.user(id).unwrap().login.as_deref(), Some(&*login));
    rename(&login);
    let shown = api.get_user_logins(id).await.unwrap();
    let fresh = api.cache_policy(CachePolicy::Refresh).get_user_logins(id).await.unwrap();
    assert_eq!(*shown, *fresh);
}

#[tokio::test(start_paused = true)]
async fn single_user_after_group_write_is_reread() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, Config::default()).user_api();
    let (id, oid) = (user_id(&sim, 1), group_oid(&sim, 1));
    let before = is_member(&api.get_user(id).await.unwrap(), oid).unwrap();
    api.update_group_with(oid, |group| {
        for user in group.users.iter_mut().flatten().filter(|user| user.user_id == Some(id)) {
            user.member = Some(!before);
        }
    })
    .await
    .unwrap();
    let user = api.get_user(id).await.unwrap();
    assert_eq!((user.calls(), is_member(&user, oid)), (1, Some(!before)));
}

#[tokio::test(start_paused = true)]
async fn write_of_unknown_outcome_invalidates_both_sides() {
    let sim = Sim::builder().users(5).groups(2).build();
    let api = client(&sim, no_retries()).user_api();
    let (id, oid) = (user_id(&sim, 1), group_oid(&sim, 1));
    for operation in [Operation::UpdateUser, Operation::UpdateGroup] {
        api.get_users().await.unwrap();
        api.get_groups().await.unwrap();
        sim.fault(Fault::cut_body().on(operation));
        let written = match operation {
            Operation::UpdateUser => api.update_user(id, &User::new().full_name("Ada L.")).await.map(drop),
            _ => api.update_group(oid, &Group::new().name("Night shift")).await.map(drop),
        };
        assert!(written.unwrap_err().may_have_reached_server());
        let users = api.get_users().await.unwrap();
        let groups = api.get_groups().await.unwrap();
        assert_eq!((users.calls(), groups.calls()), (1, 1), "{operation:?}");
        assert_eq!(name_in(groups.get(oid).unwrap(), id), Some("Ada L."));
        tokio::time::advance(MINUTE).await;
    }
    assert_eq!(api.get_groups().await.unwrap().get(oid).unwrap().name.as_deref(), Some("Night shift"));
}
