//! The columns of users, logins, groups and settings in tables and CSV.

use ultracart_client::config::Setting;
use ultracart_model::{Group, Notification, Permission, Text, User, UserLogin};

use crate::output::Record;

impl Record for &User {
    const COLUMNS: &'static [&'static str] =
        &["ID", "LOGIN", "NAME", "EMAIL", "2ND FACTOR", "PERMISSIONS", "GROUPS"];
    const FIELDS: &'static [&'static str] = &[
        "user_id",
        "login",
        "full_name",
        "email",
        "phone",
        "otp_serial_number",
        "api_ip_address_masks",
        "groups",
        "permissions",
        "notifications",
        "linked_accounts",
    ];

    fn row(&self) -> Vec<String> {
        vec![
            id(self.user_id),
            text(self.login.as_ref()),
            text(self.full_name.as_ref()),
            text(self.email.as_ref()),
            if self.has_second_factor() { "yes" } else { "no" }.to_owned(),
            granted(self.permissions.as_deref()).count().to_string(),
            groups(self).collect::<Vec<_>>().join(", "),
        ]
    }

    fn fields(&self) -> Vec<String> {
        let linked = self.linked_accounts.iter().flatten().filter(|account| account.selected == Some(true));
        vec![
            id(self.user_id),
            text(self.login.as_ref()),
            text(self.full_name.as_ref()),
            text(self.email.as_ref()),
            text(self.phone.as_ref()),
            text(self.otp_serial_number.as_ref()),
            list(self.api_ip_address_masks.iter().flatten().map(Text::as_str)),
            list(groups(self)),
            list(granted(self.permissions.as_deref())),
            list(received(self.notifications.as_deref())),
            list(linked.filter_map(|account| account.merchant_id.as_deref())),
        ]
    }
}

impl Record for &UserLogin {
    const COLUMNS: &'static [&'static str] = &["TIME", "IP ADDRESS", "LOGIN", "USER AGENT"];
    const FIELDS: &'static [&'static str] = &["login_dts", "ip_address", "login", "user_agent"];

    fn row(&self) -> Vec<String> {
        self.fields()
    }

    fn fields(&self) -> Vec<String> {
        vec![
            self.login_dts.as_ref().map_or_else(String::new, ToString::to_string),
            text(self.ip_address.as_ref()),
            text(self.login.as_ref()),
            text(self.user_agent.as_ref()),
        ]
    }
}

impl Record for &Group {
    const COLUMNS: &'static [&'static str] = &["OID", "NAME", "MEMBERS", "PERMISSIONS"];
    const FIELDS: &'static [&'static str] = &["group_oid", "name", "members", "permissions", "notifications"];

    fn row(&self) -> Vec<String> {
        vec![
            id(self.group_oid),
            text(self.name.as_ref()),
            members(self).count().to_string(),
            granted(self.permissions.as_deref()).count().to_string(),
        ]
    }

    fn fields(&self) -> Vec<String> {
        vec![
            id(self.group_oid),
            text(self.name.as_ref()),
            list(members(self)),
            list(granted(self.permissions.as_deref())),
            list(received(self.notifications.as_deref())),
        ]
    }
}

impl Record for Setting {
    const COLUMNS: &'static [&'static str] = &["KEY", "VALUE", "ORIGIN"];
    const FIELDS: &'static [&'static str] = &["key", "value", "origin"];

    fn row(&self) -> Vec<String> {
        self.fields()
    }

    fn fields(&self) -> Vec<String> {
        let value = if self.value.is_null() { "(not set)".to_owned() } else { self.as_toml() };
        vec![self.key.clone(), value, self.origin.to_string()]
    }
}

fn id(id: Option<impl ToString>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}

fn text(text: Option<&Text>) -> String {
    text.map_or_else(String::new, ToString::to_string)
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join("; ")
}

fn groups(user: &User) -> impl Iterator<Item = &str> {
    let member = user.groups.iter().flatten().filter(|group| group.member == Some(true));
    member.filter_map(|group| group.name.as_deref())
}

fn members(group: &Group) -> impl Iterator<Item = &str> {
    let member = group.users.iter().flatten().filter(|user| user.member == Some(true));
    member.filter_map(|user| user.login.as_deref())
}

fn granted(permissions: Option<&[Permission]>) -> impl Iterator<Item = &str> {
    let granted = permissions.unwrap_or_default().iter().filter(|one| one.selected == Some(true));
    granted.filter_map(|one| one.permission_name.as_deref())
}

fn received(notifications: Option<&[Notification]>) -> impl Iterator<Item = &str> {
    let received = notifications.unwrap_or_default().iter().filter(|one| one.selected == Some(true));
    received.filter_map(|one| one.name.as_deref())
}
