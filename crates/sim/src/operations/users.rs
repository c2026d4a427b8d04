//! The six operations on users.

use ultracart_model::{NewPassword, User, UserGroupMembership, UserId};

use super::context::Context;
use super::fields::{Fields, invalid_json, replace_extra};
use super::page::Page;
use crate::account::{Account, UserRow};
use crate::response::{ApiError, BufferedResponse};
use crate::settings::Histories;
use crate::state::State;

pub(super) fn list(account: &Account, context: &Context<'_>) -> Result<BufferedResponse, ApiError> {
    let page = Page::parse(context, account.users().len())?;
    let writer = account.user_writer();
    Ok(page.response("users", account.users(), |out, (_, row)| match context.settings.histories_in_list {
        Histories::None => writer.write_user(out, row, None),
        Histories::All => writer.write_user(out, row, Some(&account.history(row, context.wall))),
    }))
}

pub(super) fn get(
    account: &Account,
    id: UserId,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    let row = find(account, id, context)?;
    let history = account.history(row, context.wall);
    Ok(BufferedResponse::object("user", |out| account.user_writer().write_user(out, row, Some(&history))))
}

pub(super) fn logins(
    account: &Account,
    id: UserId,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    let logins = account.history(find(account, id, context)?, context.wall);
    Ok(BufferedResponse::object("logins", |out| out.extend(serde_json::to_vec(&logins).unwrap_or_default())))
}

pub(super) fn insert(state: &mut State, context: &Context<'_>) -> Result<BufferedResponse, ApiError> {
    let body = context.json()?;
    let id = state.account.free_user_id().ok_or_else(|| ApiError::bad_request("The account is full."))?;
    let mut row = UserRow::new();
    apply(&state.account, id, &mut row, body)?;
    state.put_user(id, row);
    get(&state.account, id, context)
}

pub(super) fn update(
    state: &mut State,
    id: UserId,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    let body = context.json()?;
    let mut row = find(&state.account, id, context)?.clone();
    apply(&state.account, id, &mut row, body)?;
    state.put_user(id, row);
    get(&state.account, id, context)
}

pub(super) fn delete(
    state: &mut State,
    id: UserId,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    if state.remove_user(id) {
        Ok(BufferedResponse::deleted())
    } else {
        Err(context.unknown_id("user_id", id.get()))
    }
}

fn find<'a>(account: &'a Account, id: UserId, context: &Context<'_>) -> Result<&'a UserRow, ApiError> {
    account.user(id).ok_or_else(|| context.unknown_id("user_id", id.get()))
}

/// Applies the body of a write to a user. A field in the body replaces the old value. A list is replaced as a
/// whole.
fn apply(account: &Account, id: UserId, row: &mut UserRow, body: &[u8]) -> Result<(), ApiError> {
    let fields = Fields::read(body)?;
    let sent: User = serde_json::from_slice(body).map_err(|error| invalid_json(&error))?;
    sent.validate().map_err(|error| ApiError::bad_request(error.to_string()))?;
    if let Some(login) = &sent.login
        && account.login_holder(login).is_some_and(|holder| holder != id)
    {
        return Err(ApiError::bad_request("Another user has this login already."));
    }
    passwords(row, &fields)?;
    if fields.has("groups") {
        row.groups = sent
            .groups
            .iter()
            .flatten()
            .filter(|membership| membership.member == Some(true))
            .map(|membership| group_of(account, membership))
            .collect::<Result<_, _>>()?;
    }
    if fields.has("permissions") {
        row.set_permissions(sent.permissions);
    }
    if fields.has("notifications") {
        row.set_notifications(sent.notifications);
    }
    let user = &mut row.user;
    fields.replace("login", &mut user.login, sent.login);
    fields.replace("email", &mut user.email, sent.email);
    fields.replace("full_name", &mut user.full_name, sent.full_name);
    fields.replace("phone", &mut user.phone, sent.phone);
    fields.replace("otp_serial_number", &mut user.otp_serial_number, sent.otp_serial_number);
    fields.replace("api_ip_address_masks", &mut user.api_ip_address_masks, sent.api_ip_address_masks);
    fields.replace("linked_accounts", &mut user.linked_accounts, sent.linked_accounts);
    replace_extra(&mut user.extra, &sent.extra)
}

/// Stores the new passwords of a write. No response contains them.
fn passwords(row: &mut UserRow, fields: &Fields) -> Result<(), ApiError> {
    let new = fields.secret("change_password_to")?;
    let new_ftp = fields.secret("change_ftp_password_to")?;
    let is_change = new.is_some() || new_ftp.is_some();
    row.password = new.map(NewPassword::from).or(row.password.take());
    row.ftp_password = new_ftp.map(NewPassword::from).or(row.ftp_password.take());
    if is_change && row.password.is_some() && row.password == row.ftp_password {
        return Err(ApiError::bad_request("The FTP password may not be the same as the normal password."));
    }
    Ok(())
}

/// Returns the group of a membership: by `group_oid`, or by `name` if there is no `group_oid`.
fn group_of(
    account: &Account,
    membership: &UserGroupMembership,
) -> Result<ultracart_model::GroupOid, ApiError> {
    if let Some(oid) = membership.group_oid {
        let known = account.group(oid).map(|_| oid);
        return known.ok_or_else(|| {
            ApiError::bad_request(format!("group_oid {oid} does not exist.")).about(oid.get())
        });
    }
    let name = membership.name.as_deref();
    let named = account.groups().find(|(_, row)| name.is_some() && row.group.name.as_deref() == name);
    named.map(|(oid, _)| oid).ok_or_else(|| ApiError::bad_request("A group of the user does not exist."))
}
