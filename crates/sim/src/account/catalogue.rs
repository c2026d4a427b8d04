//! All permissions and notifications of the account.

use std::fmt::Debug;
use std::sync::LazyLock;

use ultracart_model::{Notification, Permission};

/// The name of each permission group, and the names of its permissions.
const PERMISSIONS: [(&str, [&str; 5]); 6] = [
    ("Orders", ["orders_view", "orders_edit", "orders_refund", "orders_export", "orders_batch"]),
    (
        "Customers",
        ["customers_view", "customers_edit", "customers_delete", "customers_export", "customers_merge"],
    ),
    ("Items", ["items_view", "items_edit", "items_pricing", "items_inventory", "coupons_edit"]),
    (
        "Marketing",
        ["storefront_edit", "email_campaigns", "affiliates_manage", "reports_marketing", "reviews_edit"],
    ),
    (
        "Finance",
        ["reports_financial", "payments_view", "payments_settings", "taxes_settings", "accounting_export"],
    ),
    ("Administration", ["users_manage", "groups_manage", "settings_edit", "webhooks_manage", "api_access"]),
];

/// The name, the `notification_group` and four flags of each notification. The flags say whether it can be
/// filtered by distribution centers, can include the affiliate, can include the order, and can include the
/// order as plain text.
const NOTIFICATIONS: [(&str, &str, [bool; 4]); 8] = [
    ("Order Received", "Orders", [true, true, true, true]),
    ("Order Shipped", "Orders", [true, false, true, true]),
    ("Refund Issued", "Orders", [false, false, true, false]),
    ("Chargeback Opened", "Finance", [false, false, true, false]),
    ("Low Inventory", "Items", [true, false, false, false]),
    ("Auto Order Failed", "Customers", [false, false, true, false]),
    ("Affiliate Application", "Marketing", [false, true, false, false]),
    ("Daily Sales Summary", "Finance", [false, false, false, false]),
];

pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);

/// All permissions and notifications. For each, the JSON is stored twice: with `selected: true` and with
/// `selected: false`.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(super) permissions: Vec<Entry<Permission>>,
    pub(super) notifications: Vec<Entry<Notification>>,
}

#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// The entry with `selected: false`.
    pub(super) off: T,
    off_json: Vec<u8>,
    on_json: Vec<u8>,
}

/// A permission or a notification. Users and groups list all of them, each with a `selected` flag.
pub(crate) trait Selectable: Clone + Debug + 'static {
    fn entries() -> &'static [Entry<Self>];
    fn name(&self) -> Option<&str>;
    fn to_json(&self) -> Vec<u8>;
}

impl Catalogue {
    fn new() -> Self {
        let permissions = PERMISSIONS.iter().flat_map(|(group, names)| {
            names.iter().map(|name| {
                let permission = Permission::new().permission_group(*group).permission_name(*name);
                Entry::new(permission.clone().selected(false), &permission.selected(true))
            })
        });
        let notifications = NOTIFICATIONS.iter().map(|(name, group, [centers, affiliate, order, text])| {
            let notification = Notification::new()
                .name(*name)
                .notification_group(*group)
                .can_filter_by_distribution_centers(*centers)
                .can_include_affiliate(*affiliate)
                .can_include_order(*order)
                .can_include_order_plain_text(*text);
            Entry::new(notification.clone().selected(false), &notification.selected(true))
        });
        Self { permissions: permissions.collect(), notifications: notifications.collect() }
    }
}

impl<T: Selectable> Entry<T> {
    fn new(off: T, on: &T) -> Self {
        Self { off_json: off.to_json(), on_json: on.to_json(), off }
    }

    pub(super) fn json(&self, selected: bool) -> &[u8] {
        if selected { &self.on_json } else { &self.off_json }
    }
}

impl Selectable for Permission {
    fn entries() -> &'static [Entry<Self>] {
        &CATALOGUE.permissions
    }
    fn name(&self) -> Option<&str> {
        self.permission_name.as_deref()
    }
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Selectable for Notification {
    fn entries() -> &'static [Entry<Self>] {
        &CATALOGUE.notifications
    }
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The selected permissions or notifications of a user or group.
#[derive(Clone, Debug)]
pub(crate) enum Selection<T> {
    /// There is no list, so responses omit the field.
    Unset,
    /// The list has all entries of the catalogue. Bit n is set if entry n, counted from 0, is selected. This
    /// takes little memory, even for 100,000 users.
    Catalogue(u64),
    /// The list as a client or a test sent it.
    Given(Vec<T>),
}

impl<T: Selectable> Selection<T> {
    /// Creates the list from the entries that were sent. Appends every other entry of the catalogue as not
    /// selected.
    pub(super) fn completed(mut sent: Vec<T>) -> Self {
        for entry in T::entries() {
            if !sent.iter().any(|known| known.name() == entry.off.name()) {
                sent.push(entry.off.clone());
            }
        }
        Self::Given(sent)
    }

    /// Writes the list as JSON. If there is no list, writes nothing and returns `false`.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> bool {
        out.push(b'[');
        let start = out.len();
        let mut push = |json: &[u8]| {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(json);
        };
        match self {
            Self::Unset => {
                out.pop();
                return false;
            }
            Self::Catalogue(bits) => {
                for (place, entry) in T::entries().iter().enumerate() {
                    push(entry.json(bits >> place & 1 == 1));
                }
            }
            Self::Given(list) => list.iter().for_each(|item| push(&item.to_json())),
        }
        out.push(b']');
        true
    }
}

/// Returns the bits of the entries with these names. A trailing `*` matches any rest of a name.
pub(super) fn bits<T: Selectable>(wanted: &[&str]) -> u64 {
    let is_wanted = |entry: &Entry<T>| {
        let name = entry.off.name().unwrap_or_default();
        wanted.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *wanted,
        })
    };
    let entries = T::entries().iter().enumerate();
    entries.filter(|(_, entry)| is_wanted(entry)).fold(0, |bits, (place, _)| bits | 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_select_permissions() {
        let selection = Selection::<Permission>::Catalogue(bits::<Permission>(&["orders_*", "api_access"]));
        let mut json = Vec::new();
        assert!(selection.write(&mut json));
        let written: Vec<Permission> = serde_json::from_slice(&json).unwrap();
        assert_eq!(written.len(), 30);
        let selected: Vec<&str> = written
            .iter()
            .filter(|permission| permission.selected == Some(true))
            .filter_map(Selectable::name)
            .collect();
        assert_eq!(selected.len(), 6);
        assert_eq!((selected[0], selected[5]), ("orders_view", "api_access"));
    }

    #[test]
    fn sent_list_is_completed_from_the_catalogue() {
        let sent = Notification::new().name("Low Inventory").selected(true).include_order(true);
        let Selection::Given(list) = Selection::completed(vec![sent.clone()]) else { panic!("not a list") };
        assert_eq!(list.len(), 8);
        assert_eq!(list[0], sent);
        assert_eq!(list.iter().filter(|notification| notification.selected == Some(true)).count(), 1);
    }
}
