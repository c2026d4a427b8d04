//! The `users` command.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ultracart_client::UserApi;
use ultracart_model::{NewPassword, User, UserGroupMembership, UserId};

use super::entries::{Switch, set_entries};
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::input;

/// List, get, insert, update or delete users; list their logins
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    after_help = "\
Examples:
  ultracart users list
  ultracart users insert --login ada --email ada@example.com --group Support
  ultracart users update 7 --phone 555-0100
  ultracart users delete 7

The help of each subcommand, such as `ultracart users insert --help`, says how many calls it makes."
)]
pub(crate) struct Users {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every user
    #[command(after_help = "\
Examples:
  ultracart users list
  ultracart users list --format csv > users.csv
  ultracart users list --format ndjson | jq -r .login

Makes one call.")]
    List,
    /// Show one user
    #[command(after_help = "\
Examples:
  ultracart users get 7
  ultracart users get 7 --format json > user.json   for `users update --file`

Makes one call.")]
    Get {
        /// The user's `user_id`, as in `users list`
        id: UserId,
    },
    /// List a user's logins of the last 90 days
    #[command(after_help = "\
Examples:
  ultracart users logins 7
  ultracart users logins 7 --format csv

Makes one call.")]
    Logins {
        /// The user's `user_id`, as in `users list`
        id: UserId,
    },
    /// Insert a user
    #[command(after_help = "\
Examples:
  ultracart users insert --login ada --email ada@example.com --group Support
  pass show ada | ultracart users insert --login ada --password-file -
  ultracart users insert --file user.json

Prints the user that UltraCart stored. Makes one call, and one more if --group is given by name. The insert is not \
retried if a request may have reached the server.")]
    Insert(Insert),
    /// Change some fields of a user, or replace it with --file
    #[command(after_help = "\
Examples:
  ultracart users update 7 --phone 555-0100
  ultracart users update 7 --group Support --remove-group Admins
  ultracart users update 7 --file user.json

With flags the command reads the user, changes these fields and writes the user back: two calls, or one if nothing \
changes. With --file it sends the user in the file as it is: one call. Prints the user that UltraCart stored.")]
    Update(Update),
    /// Delete a user
    #[command(after_help = "\
Examples:
  ultracart users delete 7

Makes one call. It does not ask for confirmation and cannot be undone.")]
    Delete {
        /// The user's `user_id`, as in `users list`
        id: UserId,
    },
}

#[derive(Debug, Args)]
struct Insert {
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    files: InputFiles,
}

#[derive(Debug, Args)]
struct Update {
    /// The user's `user_id`, as in `users list`
    id: UserId,
    #[command(flatten)]
    fields: Fields,
    /// Remove the user from this group, by OID or name; can be repeated
    #[arg(long, value_name = "OID_OR_NAME", conflicts_with = "file")]
    remove_group: Vec<String>,
    /// Revoke this permission; can be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    revoke: Vec<String>,
    #[command(flatten)]
    files: InputFiles,
}

#[derive(Debug, Args)]
struct Fields {
    /// Login name
    #[arg(long)]
    login: Option<String>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// Full name
    #[arg(long, value_name = "NAME")]
    full_name: Option<String>,
    /// Telephone number
    #[arg(long)]
    phone: Option<String>,
    /// Add the user to this group, by OID or name; can be repeated
    #[arg(long, value_name = "OID_OR_NAME")]
    group: Vec<String>,
    /// Grant this permission; can be repeated
    #[arg(long, value_name = "NAME")]
    permission: Vec<String>,
}

#[derive(Debug, Args)]
struct InputFiles {
    /// File with the new password on one line; `-` is stdin
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with the whole user as JSON, instead of flags; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "Fields")]
    file: Option<PathBuf>,
}

impl Users {
    /// Whether the command makes a write call.
    pub(super) fn is_write(&self) -> bool {
        matches!(self.action, Action::Insert(_) | Action::Update(_) | Action::Delete { .. })
    }

    pub(super) async fn run(&self, context: &mut Context) -> Result<Exit, Failure> {
        let input = match &self.action {
            Action::Insert(Insert { fields, files }) | Action::Update(Update { fields, files, .. }) => {
                let input = files.read()?;
                fields.check(&input)?;
                input
            }
            _ => Input::default(),
        };
        let connection = Connection::open(context)?;
        let api = connection.client.user_api();
        let explain = |error| connection.explain(&error);
        let stored = match &self.action {
            Action::List => {
                let users = api.get_users().await.map_err(explain)?;
                let users: Vec<&User> = users.iter().map(|user| &**user).collect();
                return context.output.list(&users).map(|()| Exit::Done);
            }
            Action::Logins { id } => {
                let logins = api.get_user_logins(*id).await.map_err(explain)?;
                return context.output.list(&logins.iter().collect::<Vec<_>>()).map(|()| Exit::Done);
            }
            Action::Delete { id } => {
                api.delete_user(*id).await.map_err(explain)?;
                context.notes.note(&format!("user {id} was deleted"));
                return Ok(Exit::Done);
            }
            Action::Get { id } => api.get_user(*id).await.map_err(explain)?.into_inner(),
            Action::Insert(insert) => {
                let user = insert.user(input, &api, &connection).await?;
                api.insert_user(&user).await.map_err(explain)?.into()
            }
            Action::Update(update) => update.run(input, &api, &connection).await?.into(),
        };
        context.output.item(&&*stored).map(|()| Exit::Done)
    }
}

/// The contents of the input files.
#[derive(Default)]
struct Input {
    user: Option<User>,
    password: Option<NewPassword>,
}

impl InputFiles {
    fn read(&self) -> Result<Input, Failure> {
        let is_stdin = |path: &Option<PathBuf>| path.as_deref().is_some_and(|path| path.as_os_str() == "-");
        if is_stdin(&self.file) && is_stdin(&self.password_file) {
            return Err(Failure::usage("the user and the password cannot both be read from stdin"));
        }
        Ok(Input {
            user: self.file.as_deref().map(input::object).transpose()?,
            password: self.password_file.as_deref().map(input::password).transpose()?,
        })
    }
}

impl Fields {
    /// Checks the input before any call is made: UltraCart would decline an invalid user.
    fn check(&self, input: &Input) -> Result<(), Failure> {
        let mut user = input.user.clone().unwrap_or_default();
        if let Some(email) = &self.email {
            user.email = Some(email.as_str().into());
        }
        if let Some(password) = &input.password {
            user.change_password_to = Some(password.clone());
        }
        user.validate().map_err(|error| Failure::usage(error.to_string()))
    }

    fn is_empty(&self) -> bool {
        let texts = [&self.login, &self.email, &self.full_name, &self.phone];
        texts.iter().all(|text| text.is_none()) && self.group.is_empty() && self.permission.is_empty()
    }

    fn apply(&self, user: &mut User) -> Result<(), Failure> {
        for (text, field) in [
            (&self.login, &mut user.login),
            (&self.email, &mut user.email),
            (&self.full_name, &mut user.full_name),
            (&self.phone, &mut user.phone),
        ] {
            if let Some(text) = text {
                *field = Some(text.as_str().into());
            }
        }
        set_entries(&mut user.groups, &self.group, Switch::On)?;
        set_entries(&mut user.permissions, &self.permission, Switch::On)
    }
}

impl Insert {
    async fn user(&self, input: Input, api: &UserApi, connection: &Connection) -> Result<User, Failure> {
        if input.user.is_none() && self.fields.is_empty() {
            return Err(Failure::usage("no field of the new user is given")
                .help("give --login and --email, or --file; `ultracart users insert --help` has examples"));
        }
        let mut user = input.user.unwrap_or_default();
        if self.fields.group.iter().any(|group| group.parse::<i32>().is_err()) {
            // The list of groups is needed to resolve names to OIDs.
            let groups = api.get_groups().await.map_err(|error| connection.explain(&error))?;
            let membership = |group: &ultracart_model::Group| {
                let mut membership = UserGroupMembership::new();
                membership.group_oid = group.group_oid;
                membership.name.clone_from(&group.name);
                membership
            };
            user.groups = Some(groups.iter().map(|group| membership(group)).collect());
        }
        self.fields.apply(&mut user)?;
        if let Some(groups) = &mut user.groups
            && self.files.file.is_none()
        {
            groups.retain(|group| group.member == Some(true));
        }
        if input.password.is_some() {
            user.change_password_to = input.password;
        }
        Ok(user)
    }
}

impl Update {
    async fn run(&self, input: Input, api: &UserApi, connection: &Connection) -> Result<User, Failure> {
        let explain = |error| connection.explain(&error);
        let flags = !self.fields.is_empty() || !self.remove_group.is_empty() || !self.revoke.is_empty();
        if let Some(mut user) = input.user {
            if let Some(other) = user.user_id.filter(|id| *id != self.id) {
                return Err(Failure::usage(format!("the file holds user {other}, not user {}", self.id))
                    .help(format!("use the ID {other}, or correct `user_id` in the file")));
            }
            if input.password.is_some() {
                user.change_password_to = input.password;
            }
            return api.update_user(self.id, &user).await.map_err(explain);
        }
        if !flags && input.password.is_none() {
            return Err(Failure::usage("no change is given").help(
                "give a flag such as --phone, or --file; `ultracart users update --help` has examples",
            ));
        }
        let mut problem = None;
        let change = |user: &mut User| {
            let mut changed = user.clone();
            match self.apply(&mut changed, input.password.clone()) {
                Ok(()) => *user = changed,
                // The user stays as it was read, so it is not written.
                Err(failure) => problem = Some(failure),
            }
        };
        let stored = api.update_user_with(self.id, change).await.map_err(explain)?;
        problem.map_or(Ok(stored), Err)
    }

    fn apply(&self, user: &mut User, password: Option<NewPassword>) -> Result<(), Failure> {
        self.fields.apply(user)?;
        set_entries(&mut user.groups, &self.remove_group, Switch::Off)?;
        set_entries(&mut user.permissions, &self.revoke, Switch::Off)?;
        if password.is_some() {
            user.change_password_to = password;
        }
        Ok(())
    }
}
