//! Access that reaches beyond this account.

use super::evidence::{Evidence, about_user, count};
use crate::audit::finding::{Finding, FindingKind, Severity};

/// Users whose configuration cascades to another account (`selected` in `linked_accounts`).
pub(super) fn cascading(evidence: &Evidence<'_>) -> Finding {
    let subjects = evidence.users().filter_map(|(position, user)| {
        let linked =
            user.user.linked_accounts.iter().flatten().filter(|account| account.selected == Some(true));
        let items: Vec<String> = linked
            .map(|account| match (account.merchant_id.as_deref(), account.company.as_deref()) {
                (Some(id), Some(company)) => format!("{id} ({company})"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => "an account without a name".to_owned(),
            })
            .collect();
        let detail = format!("cascades to {}", count(items.len(), "account"));
        (!items.is_empty()).then(|| about_user(position, user, detail, items))
    });
    Finding {
        kind: FindingKind::LinkedAccounts,
        severity: Severity::Low,
        title: "Access that cascades to linked accounts".to_owned(),
        why: "A change to such a user, or the loss of their password, reaches the linked accounts too, and reviews \
              of those may not show where it came from."
            .to_owned(),
        action: "Confirm that each of them works for each of these accounts.".to_owned(),
        not_judged: None,
        subjects: subjects.collect(),
    }
}

#[cfg(test)]
mod tests {
    use ultracart_model::{LinkedAccount, User};

    use super::super::testing::{facts, finding, read, users};
    use super::*;

    #[test]
    fn only_selected_accounts_count() {
        let user = |accounts: Vec<LinkedAccount>| (User::new().linked_accounts(accounts), read(&[]));
        let account = || LinkedAccount::new().merchant_id("DEMO");
        let found = finding(
            facts(
                vec![
                    user(vec![
                        account().company("Demo Inc").selected(true),
                        LinkedAccount::new().selected(true),
                    ]),
                    user(vec![account().selected(false), account()]),
                    (User::new(), read(&[])),
                ],
                Vec::new(),
            ),
            FindingKind::LinkedAccounts,
        );
        assert_eq!(users(&found), [0]);
        assert_eq!(found.subjects[0].items, ["DEMO (Demo Inc)", "an account without a name"]);
        assert_eq!(found.subjects[0].detail, "cascades to 2 accounts");
    }
}
