//! Switches memberships and permissions on or off. Each membership and each permission is an entry of a list.

use ultracart_model::{GroupOid, GroupUserMembership, Permission, UserGroupMembership, UserId};

use crate::failure::Failure;

/// The new state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
}

/// A membership or a permission: an entry that is on or off in a list of a user or group.
pub(super) trait Entry: Sized {
    /// The word for the entry in messages: `group`, `user` or `permission`.
    const WHAT: &'static str;

    /// Returns the name of the group or permission, or the login of the user.
    fn name(&self) -> Option<&str>;
    /// Whether `id` is the ID of the entry's group or user. Always false for a permission, which has no ID.
    fn has_id(&self, id: i32) -> bool;
    fn set(&mut self, switch: Switch);
    /// Returns a new entry that is on. For a permission, `wanted` is the name. For a membership, `wanted` is
    /// the ID of the group or user. Returns `None` if a membership gets anything else, such as a name.
    fn new(wanted: &str) -> Option<Self>;
}

impl Entry for UserGroupMembership {
    const WHAT: &'static str = "group";

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn has_id(&self, id: i32) -> bool {
        self.group_oid.is_some_and(|oid| oid.get() == id)
    }

    fn set(&mut self, switch: Switch) {
        self.member = Some(switch == Switch::On);
    }

    fn new(wanted: &str) -> Option<Self> {
        Some(Self::new().group_oid(wanted.parse::<GroupOid>().ok()?).member(true))
    }
}

impl Entry for GroupUserMembership {
    const WHAT: &'static str = "user";

    fn name(&self) -> Option<&str> {
        self.login.as_deref()
    }

    fn has_id(&self, id: i32) -> bool {
        self.user_id.is_some_and(|user| user.get() == id)
    }

    fn set(&mut self, switch: Switch) {
        self.member = Some(switch == Switch::On);
    }

    fn new(wanted: &str) -> Option<Self> {
        Some(Self::new().user_id(wanted.parse::<UserId>().ok()?).member(true))
    }
}

impl Entry for Permission {
    const WHAT: &'static str = "permission";

    fn name(&self) -> Option<&str> {
        self.permission_name.as_deref()
    }

    fn has_id(&self, _: i32) -> bool {
        false
    }

    fn set(&mut self, switch: Switch) {
        self.selected = Some(switch == Switch::On);
    }

    fn new(wanted: &str) -> Option<Self> {
        Some(Self::new().permission_name(wanted).selected(true))
    }
}

/// Sets the state of the entries of `list` whose IDs or names are in `wanted`.
///
/// A missing entry is created with `Entry::new` and added if the list was empty and `switch` is `On`.
/// Otherwise a missing entry is an error. It is also an error if `Entry::new` cannot create the missing
/// entry.
pub(super) fn set_entries<T: Entry>(
    list: &mut Option<Vec<T>>,
    wanted: &[String],
    switch: Switch,
) -> Result<(), Failure> {
    // Checked before the first entry is added: an added entry does not make the list complete.
    let was_empty = list.as_ref().is_none_or(Vec::is_empty);
    for wanted in wanted {
        let list = list.get_or_insert_default();
        match (find(list, wanted)?, T::new(wanted)) {
            (Some(index), _) => list[index].set(switch),
            (None, Some(new)) if was_empty && switch == Switch::On => list.push(new),
            (None, _) => return Err(not_found(if was_empty { &[] } else { list }, wanted)),
        }
    }
    Ok(())
}

/// Returns the index of the entry that `wanted` stands for, or `None` if no entry matches.
///
/// `wanted` is first compared with the IDs. If no ID is equal, it is compared with the names. If no name is
/// equal, it is compared with the names again, ignoring case.
///
/// Fails if several entries match equally well.
fn find<T: Entry>(list: &[T], wanted: &str) -> Result<Option<usize>, Failure> {
    let matching = |matches: &dyn Fn(&T) -> bool| -> Vec<usize> {
        list.iter().enumerate().filter(|(_, entry)| matches(entry)).map(|(index, _)| index).collect()
    };
    let mut found = match wanted.parse() {
        Ok(id) => matching(&|entry| entry.has_id(id)),
        Err(_) => Vec::new(),
    };
    if found.is_empty() {
        found = matching(&|entry| entry.name() == Some(wanted));
    }
    if found.is_empty() {
        found = matching(&|entry| entry.name().is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    }
    match found[..] {
        [] => Ok(None),
        [index] => Ok(Some(index)),
        _ => Err(Failure::usage(format!("several {}s have the name `{wanted}`", T::WHAT))
            .help("use the ID instead")),
    }
}

fn not_found<T: Entry>(list: &[T], wanted: &str) -> Failure {
    let failure = Failure::usage(format!("there is no {} `{wanted}`", T::WHAT)).why("nothing was changed");
    let near = list
        .iter()
        .filter_map(Entry::name)
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    failure.help(match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => known_names(list),
    })
}

fn known_names<T: Entry>(list: &[T]) -> String {
    const MAX_SHOWN: usize = 40;
    let names: Vec<String> = list.iter().filter_map(Entry::name).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return format!("use the ID: UltraCart's response lists no {}s by name", T::WHAT);
    }
    let more = if names.len() > MAX_SHOWN { " and more" } else { "" };
    format!("the {}s are {}{more}", T::WHAT, names[..names.len().min(MAX_SHOWN)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions() -> Vec<Permission> {
        let one = |name: &str| Permission::new().permission_name(name).selected(false);
        vec![one("orders_view"), one("orders_edit"), one("Orders_Edit")]
    }

    fn switch_on(list: &mut Option<Vec<Permission>>, wanted: &str) -> Result<(), String> {
        set_entries(list, &[wanted.to_owned()], Switch::On).map_err(|failure| {
            let help = failure.help.join("; ");
            format!("{} ({help})", failure.what)
        })
    }

    #[test]
    fn name_in_another_case_matches_if_unique() {
        let mut list = Some(permissions());
        assert_eq!(switch_on(&mut list, "ORDERS_VIEW"), Ok(()));
        assert_eq!(switch_on(&mut list, "Orders_Edit"), Ok(()));
        let selected: Vec<_> = list.unwrap().iter().map(|one| one.selected).collect();
        assert_eq!(selected, [Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn unknown_or_ambiguous_name_is_an_error() {
        let mut list = Some(permissions());
        let errors = ["order_view", "ORDERS_EDIT", "everything"]
            .map(|wanted| switch_on(&mut list, wanted).unwrap_err());
        assert_eq!(
            errors,
            [
                "there is no permission `order_view` (did you mean `orders_view`?)",
                "several permissions have the name `ORDERS_EDIT` (use the ID instead)",
                "there is no permission `everything` (the permissions are `orders_view`, `orders_edit`, `Orders_Edit`)",
            ]
        );
        assert_eq!(list, Some(permissions()));
    }

    #[test]
    fn missing_list_is_created_by_id_only() {
        let mut groups: Option<Vec<UserGroupMembership>> = None;
        set_entries(&mut groups, &["7".to_owned()], Switch::On).unwrap();
        assert_eq!(groups, Some(vec![UserGroupMembership::new().group_oid(7).member(true)]));
        let mut groups: Option<Vec<UserGroupMembership>> = None;
        assert!(set_entries(&mut groups, &["Sales".to_owned()], Switch::On).is_err());
        assert!(set_entries(&mut groups, &["7".to_owned()], Switch::Off).is_err());
    }

    #[test]
    fn created_list_accepts_several_entries() {
        let mut list: Option<Vec<Permission>> = None;
        let wanted = ["a", "b", "a"].map(str::to_owned);
        set_entries(&mut list, &wanted, Switch::On).unwrap();
        let one = |name: &str| Permission::new().permission_name(name).selected(true);
        assert_eq!(list, Some(vec![one("a"), one("b")]));
    }

    #[test]
    fn list_without_names_suggests_the_id() {
        let nameless = vec![UserGroupMembership::new().group_oid(7), UserGroupMembership::new().group_oid(8)];
        for (mut list, wanted) in
            [(Some(nameless), &["Sales"][..]), (None, &["7", "Sales"]), (Some(Vec::new()), &["Sales"])]
        {
            let wanted: Vec<String> = wanted.iter().map(|&wanted| wanted.to_owned()).collect();
            let failure = set_entries(&mut list, &wanted, Switch::On).unwrap_err();
            assert_eq!(failure.what, "there is no group `Sales`");
            assert_eq!(
                failure.help,
                ["use the ID: UltraCart's response lists no groups by name"],
                "{wanted:?}"
            );
        }
    }
}
