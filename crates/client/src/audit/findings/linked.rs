//! Check of access that extends to other accounts.

use super::input::{CheckInput, count, user_subject};
use crate::audit::finding::{Finding, FindingKind, Severity};

/// Finds users whose configuration cascades to linked accounts. It cascades to each linked account whose
/// `selected` is `true`.
pub(super) fn linked_accounts(input: &CheckInput<'_>) -> Finding {
    let subjects = input.users().filter_map(|(position, user)| {
        let linked =
            user.user.linked_accounts.iter().flatten().filter(|account| account.selected == Some(true));
        let items: Vec<String> = linked
            .map(|account| match (account.merchant_id.as_deref(), account.company.as_deref()) {
                (Some(id), Some(company)) => format!("{id} ({company})"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => "unnamed account".to_owned(),
            })
            .collect();
        let detail = format!("cascades to {}", count(items.len(), "account"));
        (!items.is_empty()).then(|| user_subject(position, user, detail, items))
    });
    Finding {
        kind: FindingKind::LinkedAccounts,
        severity: Severity::Low,
        title: "Access that cascades to linked accounts".to_owned(),
        why: "A change to such a user also applies to the linked accounts listed here, and so may a stolen \
              password. A review of those accounts may not show where the access comes from."
            .to_owned(),
        action: "Confirm that each user needs access to each of the accounts listed.".to_owned(),
        not_checked: None,
        subjects: subjects.collect(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{LinkedAccount, User};

    use super::super::testing::{facts, finding, history, users};
    use super::*;

    #[test]
    fn unselected_linked_account_is_not_reported() {
        let user = |accounts: Vec<LinkedAccount>| (User::new().linked_accounts(accounts), history(&[]));
        let account = || LinkedAccount::new().merchant_id("DEMO");
        let found = finding(
            facts(
                vec![
                    user(vec![
                        account().company("Demo Inc").selected(true),
                        LinkedAccount::new().selected(true),
                    ]),
                    user(vec![account().selected(false), account()]),
                    (User::new(), history(&[])),
                ],
                Vec::new(),
            ),
            FindingKind::LinkedAccounts,
        );
        assert_eq!(users(&found), [0]);
        assert_eq!(found.subjects[0].items, ["DEMO (Demo Inc)", "unnamed account"]);
        assert_eq!(found.subjects[0].detail, "cascades to 2 accounts");
    }
}
