//! Generates the account of a small shop. The same seed generates the same account.
//!
//! Nearly all audit findings are determined by a user's index, not by the seed. So an account of 40 users
//! already has every kind of finding. A larger account with the same seed starts with the same users.

mod history;
mod names;
mod rng;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use ultracart_model::{Group, LinkedAccount, Notification, Permission, User, UserId};

use self::history::Habit;
pub(crate) use self::history::SeededHistory;
use self::names::GROUPS;
pub(crate) use self::rng::Rng;
use super::catalogue::bits;
use super::{Account, GroupRow, History, Selection, UserRow};

/// The permissions and notifications of a group, as bits of the catalogue.
struct GroupGrants {
    oid: ultracart_model::GroupOid,
    permissions: u64,
    notifications: u64,
}

/// The numbers of users and groups to generate, and the seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    pub(crate) users: u32,
    pub(crate) groups: u32,
    pub(crate) seed: u64,
}

/// Generates an account. The same population and start time generate the same account.
pub(crate) fn seed(population: Population, started_at: Timestamp) -> Account {
    let Population { users, groups, seed } = population;
    let mut account = Account::new(started_at);
    let grants: Vec<GroupGrants> = (0..groups).filter_map(|index| add_group(&mut account, index)).collect();
    // With three or more groups, the last one has no members.
    let joinable = if grants.len() > 2 { &grants[..grants.len() - 1] } else { &grants[..] };
    let mut login_counts = HashMap::new();
    for index in 0..users {
        let Some(id) = account.free_user_id() else { break };
        let row = person(id, index, seed, joinable, &mut login_counts);
        account.put_user(id, row);
    }
    account
}

fn add_group(account: &mut Account, index: u32) -> Option<GroupGrants> {
    let oid = account.free_group_oid()?;
    let round = usize::try_from(index).ok()? / GROUPS.len();
    let (name, permissions, notifications) = GROUPS[usize::try_from(index).ok()? % GROUPS.len()];
    let name = if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) };
    let (permissions, notifications) = (bits::<Permission>(permissions), bits::<Notification>(notifications));
    let mut row = GroupRow::new();
    row.group = Group::new().name(name);
    row.permissions = Selection::Catalogue(permissions);
    row.notifications = Selection::Catalogue(notifications);
    account.put_group(oid, row);
    Some(GroupGrants { oid, permissions, notifications })
}

fn person(
    id: UserId,
    index: u32,
    seed: u64,
    groups: &[GroupGrants],
    login_counts: &mut HashMap<String, u32>,
) -> UserRow {
    let mut rng = Rng::new(seed, u64::from(index));
    let (first, last) = names::person(&mut rng);
    let mut login = names::login(first, last);
    let namesakes = login_counts.entry(login.clone()).or_default();
    *namesakes += 1;
    if *namesakes > 1 {
        login = format!("{login}{namesakes}");
    }

    let mut user = User::new()
        .login(login.as_str())
        .email(format!("{login}@cedarandpine.example"))
        .full_name(format!("{first} {last}"))
        .phone(format!("+1-614-555-01{:02}", rng.below(100)));
    // The first user, who opened the account, has no findings.
    let one_in = |every: u32, at: u32| index > 0 && index % every == at;
    let serial = rng.next() % 100_000_000;
    if !one_in(9, 4) {
        user.otp_serial_number = Some(format!("UCST{serial:08}").into());
    }

    let chosen = if one_in(25, 11) { Vec::new() } else { choose(&mut rng, index, groups) };
    let granted = chosen.iter().fold(0, |bits, group| bits | group.permissions);
    let notified = chosen.iter().fold(0, |bits, group| bits | group.notifications);
    let mut own = 0;
    if one_in(14, 6) {
        own |= bits::<Permission>(&["customers_export", "payments_settings"]);
    }
    if one_in(12, 3) {
        own |= bits::<Permission>(&["api_access"]);
    }
    let may_call = (granted | own) & bits::<Permission>(&["api_access"]) != 0;
    if may_call && !one_in(24, 15) && !one_in(5, 2) {
        user = user.api_ip_address_masks([format!("198.51.100.{}", rng.below(255)).into()]);
    }
    if one_in(10, 9) {
        let outlet = LinkedAccount::new().merchant_id("CPOUT").company("Cedar & Pine Outlet");
        user = user.linked_accounts([outlet.selected(one_in(20, 9))]);
    }

    let mut row = UserRow::new();
    row.user = user.user_id(id);
    row.permissions = Selection::Catalogue(granted | own);
    row.notifications = Selection::Catalogue(notified);
    row.groups = chosen.iter().map(|group| group.oid).collect::<BTreeSet<_>>();
    row.history = History::Seeded(SeededHistory {
        seed: rng.next(),
        habit: match index % 16 {
            7 => Habit::Never,
            12 => Habit::Rarely,
            _ => Habit::Daily,
        },
        address: index,
        // Three users share each of these computers.
        shared: one_in(13, 2).then(|| u8::try_from(index / 39 % 250).unwrap_or_default() + 1),
    });
    row
}

/// Chooses a user's groups. The first group is the administrators: it has the users with index 0, 40, 80 and
/// so on. All other users are in one or two of the other groups. If there is only one group, all users are in
/// it.
fn choose<'a>(rng: &mut Rng, index: u32, groups: &'a [GroupGrants]) -> Vec<&'a GroupGrants> {
    let Some((administrators, others)) = groups.split_first() else { return Vec::new() };
    if index.is_multiple_of(40) || others.is_empty() {
        return vec![administrators];
    }
    let mut one = || others.get(usize::from(rng.below(u8::try_from(others.len()).unwrap_or(u8::MAX))));
    let (first, second) = (one(), one().filter(|_| index % 4 == 1));
    first.into_iter().chain(second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ultracart_model::GroupOid;

    fn objects(users: u32, seed_number: u64) -> Vec<User> {
        let at = Timestamp::UNIX_EPOCH;
        let account = seed(Population { users, groups: 12, seed: seed_number }, at);
        account.users().map(|(_, row)| account.user_object(row, at)).collect()
    }

    #[test]
    fn same_seed_gives_the_same_users_in_every_size() {
        let large = objects(120, 1);
        assert_eq!(large[..40], objects(40, 1)[..]);
        assert_ne!(large[..40], objects(40, 2)[..]);
        let logins: BTreeSet<_> = large.iter().filter_map(|user| user.login.clone()).collect();
        assert_eq!(logins.len(), 120, "every login is unique");
    }

    #[test]
    fn forty_users_have_every_kind_of_finding() {
        let at = Timestamp::UNIX_EPOCH;
        let account = seed(Population { users: 40, groups: 12, seed: 0 }, at);
        let users: Vec<User> = account.users().map(|(_, row)| account.user_object(row, at)).collect();
        let has = |user: &User, name: &str| {
            user.permissions.iter().flatten().any(|permission| {
                permission.permission_name.as_deref() == Some(name) && permission.selected == Some(true)
            })
        };
        let any = |finding: &dyn Fn(&User) -> bool| users.iter().any(finding);
        assert!(any(&|user| user.login_histories.as_ref().is_none_or(Vec::is_empty)), "dormant");
        assert!(any(&|user| user.otp_serial_number.is_none()), "no second factor");
        assert!(any(&|user| has(user, "api_access") && user.api_ip_address_masks.is_none()), "no masks");
        assert!(any(&|user| has(user, "api_access") && user.api_ip_address_masks.is_some()), "masks");
        assert!(any(&|user| account.user(user.user_id.unwrap()).unwrap().groups.is_empty()), "no group");
        let cascades =
            |user: &User| user.linked_accounts.iter().flatten().any(|link| link.selected == Some(true));
        assert!(any(&cascades), "linked account");
        let outside = |user: &User| {
            let groups = &account.user(user.user_id.unwrap()).unwrap().groups;
            has(user, "payments_settings") && !groups.contains(&GroupOid::from(101))
        };
        assert!(any(&outside), "held outside of the groups");
        let empty =
            account.groups().filter(|(oid, _)| account.users().all(|(_, row)| !row.groups.contains(oid)));
        assert!(empty.count() >= 1, "a group without members");
        let mut holders = HashMap::<_, BTreeSet<_>>::new();
        for login in users.iter().flat_map(|user| user.login_histories.iter().flatten()) {
            holders.entry(login.ip_address.clone()).or_default().insert(login.login.clone());
        }
        assert!(holders.values().any(|logins| logins.len() > 1), "a shared address");
    }
}
