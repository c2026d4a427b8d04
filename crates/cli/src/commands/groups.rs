//! `ultracart groups`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ultracart_client::UserApi;
use ultracart_model::{Group, GroupOid, GroupUserMembership};

use super::toggle::{Turn, toggle};
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::input;

/// Groups: list, get, insert, update, delete
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  ultracart groups list
  ultracart groups insert --name Support --permission orders_view --member ada
  ultracart groups update 1001 --member ada --remove-member 7
  ultracart groups delete 1001

`ultracart groups insert --help` and the like say what each costs."
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

Costs one call.")]
    List,
    /// Show one group
    #[command(after_help = "\
Examples:
  ultracart groups get 1001
  ultracart groups get 1001 --format json > group.json     All of it, to send back

Costs one call, and one more where the server answers without the group.")]
    Get {
        /// The group's `group_oid`, as in `groups list`
        #[arg(value_name = "OID")]
        oid: GroupOid,
    },
    /// Make a group
    #[command(after_help = "\
Examples:
  ultracart groups insert --name Support --permission orders_view --member ada
  ultracart groups insert --file group.json

Prints the group as it was stored. Costs one call, and one more to find a user by the login. It is not sent again when \
it may have reached the server.")]
    Insert(Insert),
    /// Change a group, and keep what is not mentioned
    #[command(after_help = "\
Examples:
  ultracart groups update 1001 --name 'Customer support'
  ultracart groups update 1001 --member ada --remove-member 7 --revoke orders_edit
  ultracart groups update 1001 --file group.json

With flags the group is read, changed and written back: two calls, or one if nothing changes. With --file the object is \
sent as it is: one call. Prints the group as it was stored.")]
    Update(Update),
    /// Delete a group
    #[command(after_help = "\
Examples:
  ultracart groups delete 1001

Costs one call. It asks nothing and cannot be undone.")]
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
    /// Take this user out of the group, by ID or login; can be repeated
    #[arg(long, value_name = "ID_OR_LOGIN", conflicts_with = "file")]
    remove_member: Vec<String>,
    /// Take this permission away; can be repeated
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
    /// Put this user into the group, by ID or login; can be repeated
    #[arg(long, value_name = "ID_OR_LOGIN")]
    member: Vec<String>,
    /// Grant this permission; can be repeated
    #[arg(long, value_name = "NAME")]
    permission: Vec<String>,
}

impl Groups {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        matches!(self.action, Action::Insert(_) | Action::Update(_) | Action::Delete { .. })
    }

    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let file = match &self.action {
            Action::Insert(Insert { file, .. }) | Action::Update(Update { file, .. }) => file.as_deref(),
            _ => None,
        };
        let whole: Option<Group> = file.map(input::object).transpose()?;
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
                context.notes.note(&format!("group {oid} is deleted"));
                return Ok(Exit::Done);
            }
            Action::Get { oid } => api.get_group(*oid).await.map_err(explain)?.into_inner(),
            Action::Insert(insert) => {
                let group = insert.group(whole, &api, &connection).await?;
                api.insert_group(&group).await.map_err(explain)?.into()
            }
            Action::Update(update) => update.run(whole, &api, &connection).await?.into(),
        };
        context.output.one(&&*stored).map(|()| Exit::Done)
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
        toggle(&mut group.users, &self.member, Turn::On)?;
        toggle(&mut group.permissions, &self.permission, Turn::On)
    }
}

impl Insert {
    async fn group(
        &self,
        whole: Option<Group>,
        api: &UserApi,
        connection: &Connection,
    ) -> Result<Group, Failure> {
        if let Some(whole) = whole {
            return Ok(whole);
        }
        if self.fields.is_empty() {
            return Err(Failure::usage("there is nothing to make a group of")
                .help("give --name, or --file; `ultracart groups insert --help` has examples"));
        }
        let mut group = Group::new();
        if self.fields.member.iter().any(|member| member.parse::<i32>().is_err()) {
            // By login they can only be found among those that there are.
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
        whole: Option<Group>,
        api: &UserApi,
        connection: &Connection,
    ) -> Result<Group, Failure> {
        let explain = |error| connection.explain(&error);
        if let Some(group) = whole {
            if let Some(other) = group.group_oid.filter(|oid| *oid != self.oid) {
                return Err(Failure::usage(format!(
                    "the file holds group {other}, and not group {}",
                    self.oid
                ))
                .help("give that group's OID, or change `group_oid` in the file"));
            }
            return api.update_group(self.oid, &group).await.map_err(explain);
        }
        if self.fields.is_empty() && self.remove_member.is_empty() && self.revoke.is_empty() {
            return Err(Failure::usage("there is nothing to change").help(
                "give a flag such as --name, or --file; `ultracart groups update --help` has examples",
            ));
        }
        let mut problem = None;
        let change = |group: &mut Group| {
            let mut changed = group.clone();
            match self.apply(&mut changed) {
                Ok(()) => *group = changed,
                // A group that is left as it was is not written.
                Err(failure) => problem = Some(failure),
            }
        };
        let stored = api.update_group_with(self.oid, change).await.map_err(explain)?;
        problem.map_or(Ok(stored), Err)
    }

    fn apply(&self, group: &mut Group) -> Result<(), Failure> {
        self.fields.apply(group)?;
        toggle(&mut group.users, &self.remove_member, Turn::Off)?;
        toggle(&mut group.permissions, &self.revoke, Turn::Off)
    }
}
