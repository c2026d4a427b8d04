//! Entries of lists that are switched on and off: memberships and permissions.

use ultracart_model::{GroupOid, GroupUserMembership, Permission, UserGroupMembership, UserId};

use crate::failure::Failure;

/// What is to become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    On,
    Off,
}

/// An entry that can be switched.
pub(super) trait Entry: Sized {
    /// What a list of them holds, as `group`.
    const WHAT: &'static str;

    /// What it is called.
    fn name(&self) -> Option<&str>;
    /// Whether its identifier is this.
    fn has_id(&self, id: i32) -> bool;
    fn switch(&mut self, on: bool);
    /// A new entry, switched on, for a list that does not say what there is.
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

    fn switch(&mut self, on: bool) {
        self.member = Some(on);
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

    fn switch(&mut self, on: bool) {
        self.member = Some(on);
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

    fn switch(&mut self, on: bool) {
        self.selected = Some(on);
    }

    fn new(wanted: &str) -> Option<Self> {
        Some(Self::new().permission_name(wanted).selected(true))
    }
}

/// Switches the entries that are called so.
pub(super) fn toggle<T: Entry>(
    list: &mut Option<Vec<T>>,
    wanted: &[String],
    turn: Turn,
) -> Result<(), Failure> {
    for wanted in wanted {
        toggle_one(list.get_or_insert_default(), wanted, turn)?;
    }
    Ok(())
}

fn toggle_one<T: Entry>(list: &mut Vec<T>, wanted: &str, turn: Turn) -> Result<(), Failure> {
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
    match (&found[..], T::new(wanted)) {
        ([index], _) => list[*index].switch(turn == Turn::On),
        ([], Some(new)) if list.is_empty() && turn == Turn::On => list.push(new),
        ([], _) => return Err(none(list, wanted)),
        _ => {
            return Err(Failure::usage(format!("several {}s are called `{wanted}`", T::WHAT))
                .help("give its identifier instead"));
        }
    }
    Ok(())
}

fn none<T: Entry>(list: &[T], wanted: &str) -> Failure {
    let failure = Failure::usage(format!("there is no {} `{wanted}`", T::WHAT)).why("nothing was changed");
    let near = list
        .iter()
        .filter_map(Entry::name)
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, name)) => failure.help(format!("did you mean `{name}`?")),
        None if list.is_empty() => {
            failure.help("give its identifier: the account did not say which there are")
        }
        None => failure.help(there_are(list)),
    }
}

fn there_are<T: Entry>(list: &[T]) -> String {
    const MANY: usize = 40;
    let names: Vec<String> =
        list.iter().filter_map(Entry::name).take(MANY).map(|name| format!("`{name}`")).collect();
    let more = if list.len() > MANY { " and more" } else { "" };
    format!("there are {}{more}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions() -> Vec<Permission> {
        let one = |name: &str| Permission::new().permission_name(name).selected(false);
        vec![one("orders_view"), one("orders_edit"), one("Orders_Edit")]
    }

    fn turn_on(list: &mut Option<Vec<Permission>>, wanted: &str) -> Result<(), String> {
        toggle(list, &[wanted.to_owned()], Turn::On).map_err(|failure| {
            let help = failure.help.join("; ");
            format!("{} ({help})", failure.what)
        })
    }

    #[test]
    fn an_entry_is_found_by_its_name_and_case_counts_where_it_must() {
        let mut list = Some(permissions());
        assert_eq!(turn_on(&mut list, "ORDERS_VIEW"), Ok(()));
        assert_eq!(turn_on(&mut list, "Orders_Edit"), Ok(()));
        let selected: Vec<_> = list.unwrap().iter().map(|one| one.selected).collect();
        assert_eq!(selected, [Some(true), Some(false), Some(true)]);
    }

    #[test]
    fn what_is_not_there_or_not_one_is_said() {
        let mut list = Some(permissions());
        let said =
            ["order_view", "ORDERS_EDIT", "everything"].map(|wanted| turn_on(&mut list, wanted).unwrap_err());
        assert_eq!(
            said,
            [
                "there is no permission `order_view` (did you mean `orders_view`?)",
                "several permissions are called `ORDERS_EDIT` (give its identifier instead)",
                "there is no permission `everything` (there are `orders_view`, `orders_edit`, `Orders_Edit`)",
            ]
        );
        assert_eq!(list, Some(permissions()));
    }

    #[test]
    fn a_list_that_is_not_there_is_begun() {
        let mut groups: Option<Vec<UserGroupMembership>> = None;
        toggle(&mut groups, &["7".to_owned()], Turn::On).unwrap();
        assert_eq!(groups, Some(vec![UserGroupMembership::new().group_oid(7).member(true)]));
        let mut groups: Option<Vec<UserGroupMembership>> = None;
        assert!(toggle(&mut groups, &["Sales".to_owned()], Turn::On).is_err());
        assert!(toggle(&mut groups, &["7".to_owned()], Turn::Off).is_err());
    }
}
