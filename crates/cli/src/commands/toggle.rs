//! Entries of lists that are switched on and off: memberships and permissions.

use ultracart_model::{GroupOid, GroupUserMembership, Permission, UserGroupMembership, UserId};

use crate::failure::Failure;

/// Whether an entry is switched on or off.
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
    fn switch(&mut self, turn: Turn);
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

    fn switch(&mut self, turn: Turn) {
        self.member = Some(turn == Turn::On);
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

    fn switch(&mut self, turn: Turn) {
        self.member = Some(turn == Turn::On);
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

    fn switch(&mut self, turn: Turn) {
        self.selected = Some(turn == Turn::On);
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
    // Looked at before the first entry is put in, which says nothing of what else there is.
    let came_empty = list.as_ref().is_none_or(Vec::is_empty);
    for wanted in wanted {
        let list = list.get_or_insert_default();
        match (find(list, wanted)?, T::new(wanted)) {
            (Some(index), _) => list[index].switch(turn),
            (None, Some(new)) if came_empty && turn == Turn::On => list.push(new),
            (None, _) => return Err(none(if came_empty { &[] } else { list }, wanted)),
        }
    }
    Ok(())
}

/// The entry with this identifier or name; case counts where it must.
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
        _ => Err(Failure::usage(format!("several {}s are called `{wanted}`", T::WHAT))
            .help("give its identifier instead")),
    }
}

fn none<T: Entry>(list: &[T], wanted: &str) -> Failure {
    let failure = Failure::usage(format!("there is no {} `{wanted}`", T::WHAT)).why("nothing was changed");
    let near = list
        .iter()
        .filter_map(Entry::name)
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &wanted.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance);
    failure.help(match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => there_are(list),
    })
}

fn there_are<T: Entry>(list: &[T]) -> String {
    const MANY: usize = 40;
    let names: Vec<String> = list.iter().filter_map(Entry::name).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "give its identifier: the account did not say which there are".to_owned();
    }
    let more = if names.len() > MANY { " and more" } else { "" };
    format!("there are {}{more}", names[..names.len().min(MANY)].join(", "))
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

    #[test]
    fn a_list_that_is_begun_takes_more_than_one() {
        let mut list: Option<Vec<Permission>> = None;
        let wanted = ["a", "b", "a"].map(str::to_owned);
        toggle(&mut list, &wanted, Turn::On).unwrap();
        let one = |name: &str| Permission::new().permission_name(name).selected(true);
        assert_eq!(list, Some(vec![one("a"), one("b")]));
    }

    #[test]
    fn without_a_name_to_offer_an_identifier_is_asked_for() {
        let nameless = vec![UserGroupMembership::new().group_oid(7), UserGroupMembership::new().group_oid(8)];
        for (mut list, wanted) in
            [(Some(nameless), &["Sales"][..]), (None, &["7", "Sales"]), (Some(Vec::new()), &["Sales"])]
        {
            let wanted: Vec<String> = wanted.iter().map(|&wanted| wanted.to_owned()).collect();
            let failure = toggle(&mut list, &wanted, Turn::On).unwrap_err();
            assert_eq!(failure.what, "there is no group `Sales`");
            assert_eq!(
                failure.help,
                ["give its identifier: the account did not say which there are"],
                "{wanted:?}"
            );
        }
    }
}
