//! The `groups` command.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ultracart_client::UserApi;
use ultracart_model::{Group, GroupOid, GroupUserMembership};

use super::entries::{Switch, set_entries};
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::input;

/// List, get, insert, update or delete groups
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  ultracart groups list
  ultracart groups insert --name Support --permission orders_view --member ada
  ultracart groups update 1001 --member ada --remove-member 7
  ultracart groups delete 1001

The help of each subcommand, such as `ultracart groups insert --help`, says how many calls it makes."
)]
pub(crate) struct Groups {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every group
    #[command(after_help = "\
Examples:
  ultracart groups list
  ultracart groups list --format json

Makes one call.")]
    List,
    /// Show one group
    #[command(after_help = "\
Examples:
  ultracart groups get 1001
  ultracart groups get 1001 --format json > group.json   for `update --file`

Makes one call, and one more if the response does not contain the group.")]
    Get {
        /// The group's `group_oid`, as in `groups list`
        #[arg(value_name = "OID")]
        oid: GroupOid,
    },
    /// Insert a group
    #[command(after_help = "\
Examples:
  ultracart groups insert --name Support --permission orders_view --member ada
  ultracart groups insert --file group.json

Prints the group that UltraCart stored. Makes one call, and one more if --member is given by login. The insert is not \
retried if a request may have reached the server.")]
    Insert(Insert),
    /// Change some fields of a group, or replace it with --file
    #[command(after_help = "\
Examples:
  ultracart groups update 1001 --name 'Customer support'
  ultracart groups update 1001 --member ada --remove-member 7
  ultracart groups update 1001 --file group.json

With flags the command reads the group, changes these fields and writes the group back: two calls, or one if nothing \
changes. With --file it sends the group in the file as it is: one call. Prints the group that UltraCart stored.")]
    Update(Update),
    /// Delete a group
    #[command(after_help = "\
Examples:
  ultracart groups delete 1001

Makes one call. It does not ask for confirmation and cannot be undone.")]
    Delete {
        /// The group's `group_oid`, as in `groups list`
        #[arg(value_name = "OID")]
        oid: GroupOid,
    },
}

#[derive(Debug, Args)]
struct Insert {
    #[command(flatten)]
    fields: GroupFields,
    /// File with the whole group as JSON, instead of flags; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "GroupFields")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Update {
    /// The group's `group_oid`, as in `groups list`
    #[arg(value_name = "OID")]
    oid: GroupOid,
    #[command(flatten)]
    fields: GroupFields,
    /// Remove this user from the group, by ID or login; can be repeated
    #[arg(long, value_name = "ID_OR_LOGIN", conflicts_with = "file")]
    remove_member: Vec<String>,
    /// Revoke this permission; can be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    revoke: Vec<String>,
    /// File with the whole group as JSON, instead of flags; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "GroupFields")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct GroupFields {
    /// The group's name
    #[arg(long)]
    name: Option<String>,
    /// Add this user to the group, by ID or login; can be repeated
    #[arg(long, value_name = "ID_OR_LOGIN")]
    member: Vec<String>,
    /// Grant this permission; can be repeated
    #[arg(long, value_name = "NAME")]
    permission: Vec<String>,
}

impl Groups {
    /// Whether the command makes a write call.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.action, Action::Insert(_) | Action::Update(_) | Action::Delete { .. })
    }

    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let file = match &self.action {
            Action::Insert(Insert { file, .. }) | Action::Update(Update { file, .. }) => file.as_deref(),
            _ => None,
        };
        let from_file: Option<Group> = file.map(input::object).transpose()?;
        let connection = Connection::open(context)?;
        let api = connection.client.user_api();
        let explain = |error| connection.explain(&error);
        let stored = match &self.action {
            Action::List => {
                let groups = api.get_groups().await.map_err(explain)?;
                let groups: Vec<&Group> = groups.iter().map(|group| &**group).collect();
                return context.output.list(&groups).map(|()| Exit::Done);
            }
            Action::Delete { oid } => {
                api.delete_group(*oid).await.map_err(explain)?;
                context.notes.note(&format!("group {oid} was deleted"));
                return Ok(Exit::Done);
            }
            Action::Get { oid } => api.get_group(*oid).await.map_err(explain)?.into_inner(),
            Action::Insert(insert) => {
                let group = insert.group(from_file, &api, &connection).await?;
                api.insert_group(&group).await.map_err(explain)?.into()
            }
            Action::Update(update) => update.run(from_file, &api, &connection).await?.into(),
        };
        context.output.item(&&*stored).map(|()| Exit::Done)
    }
}

impl GroupFields {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.member.is_empty() && self.permission.is_empty()
    }

    fn apply(&self, group: &mut Group) -> Result<(), Failure> {
        if let Some(name) = &self.name {
            group.name = Some(name.as_str().into());
        }
        set_entries(&mut group.users, &self.member, Switch::On)?;
        set_entries(&mut group.permissions, &self.permission, Switch::On)
    }
}

impl Insert {
    async fn group(
        &self,
        from_file: Option<Group>,
        api: &UserApi,
        connection: &Connection,
    ) -> Result<Group, Failure> {
        if let Some(group) = from_file {
            return Ok(group);
        }
        if self.fields.is_empty() {
            return Err(Failure::usage("no field of the new group is given")
                .help("give --name, or --file; `ultracart groups insert --help` has examples"));
        }
        let mut group = Group::new();
        if self.fields.member.iter().any(|member| member.parse::<i32>().is_err()) {
            // The list of users is needed to resolve logins to IDs.
            let users = api.get_users().await.map_err(|error| connection.explain(&error))?;
            let membership = |user: &ultracart_model::User| {
                let mut membership = GroupUserMembership::new();
                membership.user_id = user.user_id;
                membership.login.clone_from(&user.login);
                membership
            };
            group.users = Some(users.iter().map(|user| membership(user)).collect());
        }
        self.fields.apply(&mut group)?;
        if let Some(users) = &mut group.users {
            users.retain(|user| user.member == Some(true));
        }
        Ok(group)
    }
}

impl Update {
    async fn run(
        &self,
        from_file: Option<Group>,
        api: &UserApi,
        connection: &Connection,
    ) -> Result<Group, Failure> {
        let explain = |error| connection.explain(&error);
        if let Some(group) = from_file {
            if let Some(other) = group.group_oid.filter(|oid| *oid != self.oid) {
                return Err(Failure::usage(format!("the file holds group {other}, not group {}", self.oid))
                    .help(format!("use the OID {other}, or correct `group_oid` in the file")));
            }
            return api.update_group(self.oid, &group).await.map_err(explain);
        }
        if self.fields.is_empty() && self.remove_member.is_empty() && self.revoke.is_empty() {
            return Err(Failure::usage("no change is given").help(
                "give a flag such as --name, or --file; `ultracart groups update --help` has examples",
            ));
        }
        let mut problem = None;
        let change = |group: &mut Group| {
            let mut changed = group.clone();
            match self.apply(&mut changed) {
                Ok(()) => *group = changed,
                // The group stays as it was read, so it is not written.
                Err(failure) => problem = Some(failure),
            }
        };
        let stored = api.update_group_with(self.oid, change).await.map_err(explain)?;
        problem.map_or(Ok(stored), Err)
    }

    fn apply(&self, group: &mut Group) -> Result<(), Failure> {
        self.fields.apply(group)?;
        set_entries(&mut group.users, &self.remove_member, Switch::Off)?;
        set_entries(&mut group.permissions, &self.revoke, Switch::Off)
    }
}
