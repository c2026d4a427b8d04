//! The five operations on groups.

use std::collections::BTreeSet;

use http::StatusCode;
use ultracart_model::{Group, GroupOid, GroupUserMembership, UserId};

use super::context::Context;
use super::fields::{Fields, invalid_json, replace_extra};
use super::page::Page;
use crate::account::{Account, GroupRow};
use crate::response::{ApiError, BufferedResponse};
use crate::settings::GetGroupBody;

pub(super) fn list(account: &Account, context: &Context<'_>) -> Result<BufferedResponse, ApiError> {
    let page = Page::parse(context, account.groups().len())?;
    let writer = account.group_writer();
    Ok(page.response("groups", account.groups(), |out, (oid, row)| writer.write_group(out, oid, row)))
}

pub(super) fn get(
    account: &Account,
    oid: GroupOid,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    match context.settings.get_group_body {
        GetGroupBody::Present => stored(account, oid, context),
        GetGroupBody::Empty => find(account, oid, context).map(|_| BufferedResponse::empty(StatusCode::OK)),
    }
}

pub(super) fn insert(account: &mut Account, context: &Context<'_>) -> Result<BufferedResponse, ApiError> {
    let body = context.json()?;
    let oid = account.free_group_oid().ok_or_else(|| ApiError::bad_request("The account is full."))?;
    apply(account, oid, GroupRow::new(), body)?;
    stored(account, oid, context)
}

pub(super) fn update(
    account: &mut Account,
    oid: GroupOid,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    let body = context.json()?;
    let row = find(account, oid, context)?.clone();
    apply(account, oid, row, body)?;
    stored(account, oid, context)
}

pub(super) fn delete(
    account: &mut Account,
    oid: GroupOid,
    context: &Context<'_>,
) -> Result<BufferedResponse, ApiError> {
    if account.remove_group(oid) {
        Ok(BufferedResponse::deleted())
    } else {
        Err(context.unknown_id("group_oid", oid.get()))
    }
}

fn find<'a>(account: &'a Account, oid: GroupOid, context: &Context<'_>) -> Result<&'a GroupRow, ApiError> {
    account.group(oid).ok_or_else(|| context.unknown_id("group_oid", oid.get()))
}

fn stored(account: &Account, oid: GroupOid, context: &Context<'_>) -> Result<BufferedResponse, ApiError> {
    let row = find(account, oid, context)?;
    Ok(BufferedResponse::object("group", |out| account.group_writer().write_group(out, oid, row)))
}

/// Applies the body of a write to a group. A field in the body replaces the old value. A list is replaced as
/// a whole.
fn apply(account: &mut Account, oid: GroupOid, mut row: GroupRow, body: &[u8]) -> Result<(), ApiError> {
    let fields = Fields::read(body)?;
    let sent: Group = serde_json::from_slice(body).map_err(|error| invalid_json(&error))?;
    let members = sent
        .users
        .iter()
        .flatten()
        .filter(|membership| membership.member == Some(true))
        .map(|membership| user_of(account, membership))
        .collect::<Result<BTreeSet<_>, _>>()?;
    if fields.has("permissions") {
        row.set_permissions(sent.permissions);
    }
    if fields.has("notifications") {
        row.set_notifications(sent.notifications);
    }
    fields.replace("name", &mut row.group.name, sent.name);
    replace_extra(&mut row.group.extra, &sent.extra)?;
    account.put_group(oid, row);
    if fields.has("users") {
        account.set_members(oid, &members);
    }
    Ok(())
}

/// Returns the user of a membership: by `user_id`, or by `login` if there is no `user_id`.
fn user_of(account: &Account, membership: &GroupUserMembership) -> Result<UserId, ApiError> {
    if let Some(id) = membership.user_id {
        let known = account.user(id).map(|_| id);
        return known
            .ok_or_else(|| ApiError::bad_request(format!("user_id {id} does not exist.")).about(id.get()));
    }
    let holder = membership.login.as_deref().and_then(|login| account.login_holder(login));
    holder.ok_or_else(|| ApiError::bad_request("A user of the group does not exist."))
}
