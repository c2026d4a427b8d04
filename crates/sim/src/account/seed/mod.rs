//! A shop's account, the same for the same seed: who works there, what they may do, and what an auditor would not like.
//!
//! What an auditor looks for does not depend on chance: it is given to users by their number, so that even a small
//! account (from about forty users) has some of everything, and the first users are the same in every size.

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

/// What a group grants, as bits of the catalogue.
struct Grant {
    oid: ultracart_model::GroupOid,
    permissions: u64,
    notifications: u64,
}

/// The size of a made-up account, and the seed that its people come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    pub(crate) users: u32,
    pub(crate) groups: u32,
    pub(crate) seed: u64,
}

/// Makes up an account. The same population and the same time give the same account.
pub(crate) fn seed(population: Population, started_at: Timestamp) -> Account {
    let Population { users, groups, seed } = population;
    let mut account = Account::new(started_at);
    let grants: Vec<Grant> = (0..groups).filter_map(|index| add_group(&mut account, index)).collect();
    // Nobody is in the last group, where there are a few.
    let joinable = if grants.len() > 2 { &grants[..grants.len() - 1] } else { &grants[..] };
    let mut taken = HashMap::new();
    for index in 0..users {
        let Some(id) = account.free_user_id() else { break };
        let row = person(id, index, seed, joinable, &mut taken);
        account.put_user(id, row);
    }
    account
}

fn add_group(account: &mut Account, index: u32) -> Option<Grant> {
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
    Some(Grant { oid, permissions, notifications })
}

fn person(id: UserId, index: u32, seed: u64, groups: &[Grant], taken: &mut HashMap<String, u32>) -> UserRow {
    let mut rng = Rng::new(seed, u64::from(index));
    let (first, last) = names::person(&mut rng);
    let mut login = names::login(first, last);
    let namesakes = taken.entry(login.clone()).or_default();
    *namesakes += 1;
    if *namesakes > 1 {
        login = format!("{login}{namesakes}");
    }

    let mut user = User::new()
        .login(login.as_str())
        .email(format!("{login}@cedarandpine.example"))
        .full_name(format!("{first} {last}"))
        .phone(format!("+1-614-555-01{:02}", rng.below(100)));
    // The one who opened the account does nothing wrong.
    let does = |every: u32, at: u32| index > 0 && index % every == at;
    let serial = rng.next() % 100_000_000;
    if !does(9, 4) {
        user.otp_serial_number = Some(format!("UCST{serial:08}").into());
    }

    let chosen = if does(25, 11) { Vec::new() } else { choose(&mut rng, index, groups) };
    let granted = chosen.iter().fold(0, |bits, grant| bits | grant.permissions);
    let heard = chosen.iter().fold(0, |bits, grant| bits | grant.notifications);
    let mut own = 0;
    if does(14, 6) {
        own |= bits::<Permission>(&["customers_export", "payments_settings"]);
    }
    if does(12, 3) {
        own |= bits::<Permission>(&["api_access"]);
    }
    let may_call = (granted | own) & bits::<Permission>(&["api_access"]) != 0;
    if may_call && !does(24, 15) && !does(5, 2) {
        user = user.api_ip_address_masks([format!("198.51.100.{}", rng.below(255)).into()]);
    }
    if does(10, 9) {
        let outlet = LinkedAccount::new().merchant_id("CPOUT").company("Cedar & Pine Outlet");
        user = user.linked_accounts([outlet.selected(does(20, 9))]);
    }

    let mut row = UserRow::new();
    row.user = user.user_id(id);
    row.permissions = Selection::Catalogue(granted | own);
    row.notifications = Selection::Catalogue(heard);
    row.groups = chosen.iter().map(|grant| grant.oid).collect::<BTreeSet<_>>();
    row.history = History::Seeded(SeededHistory {
        seed: rng.next(),
        habit: match index % 16 {
            7 => Habit::Never,
            12 => Habit::Rarely,
            _ => Habit::Daily,
        },
        address: index,
        // Three people at each of these machines.
        shared: does(13, 2).then(|| u8::try_from(index / 39 % 250).unwrap_or_default() + 1),
    });
    row
}

/// The first user administrates, a few more do, and everybody else is in one of the other groups or in two.
fn choose<'a>(rng: &mut Rng, index: u32, groups: &'a [Grant]) -> Vec<&'a Grant> {
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
    fn the_same_seed_gives_the_same_people_in_every_size() {
        let large = objects(120, 1);
        assert_eq!(large[..40], objects(40, 1)[..]);
        assert_ne!(large[..40], objects(40, 2)[..]);
        let logins: BTreeSet<_> = large.iter().filter_map(|user| user.login.clone()).collect();
        assert_eq!(logins.len(), 120, "every login is unique");
    }

    #[test]
    fn forty_users_have_some_of_everything_an_auditor_looks_for() {
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
