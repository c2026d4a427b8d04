//! The account from behind: for tests to prepare it and to look at it, at no cost of calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use ultracart_model::{Group, GroupOid, Token, User, UserId, UserLogin};

use crate::account::{GroupRow, History, UserRow};
use crate::fault::Fault;
use crate::limits::Remaining;
use crate::record::RecordedRequest;
use crate::sim::Sim;
use crate::webhook::{Delivery, WebhookFault};

/// What it has seen.
impl Sim {
    /// The latest requests, oldest first, without credentials and passwords: as many as
    /// [`keep_requests`](crate::Builder::keep_requests) says.
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.shared.lock().records.latest.iter().cloned().collect()
    }

    /// How many requests came, whatever they were answered with; `/oauth/token` is not among them.
    pub fn calls(&self) -> u64 {
        self.shared.lock().records.calls
    }

    /// How many of them a limit refused. A scripted 429 is none.
    pub fn rejections(&self) -> u64 {
        self.shared.lock().records.rejections
    }

    /// How many of them came while another of the same application or address was in flight.
    pub fn overlaps(&self) -> u64 {
        self.shared.lock().records.overlaps
    }

    /// How much room every window has: those of the simple key first.
    pub fn remaining(&self) -> Vec<Remaining> {
        self.shared.lock().limits.remaining(self.shared.clock.now())
    }

    /// The time since the account was built.
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.now()
    }
}

/// What goes wrong.
impl Sim {
    /// Scripts a fault, behind those that have been scripted before.
    pub fn fault(&self, fault: Fault) {
        self.script([fault]);
    }

    /// Scripts several faults.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        // Taken apart from the lock: the iterator may look at the account.
        let faults: Vec<Fault> = faults.into_iter().collect();
        self.shared.lock().faults.extend(faults);
    }

    /// How many scripted faults, those of the webhook too, have yet to happen.
    pub fn faults_left(&self) -> usize {
        let state = self.shared.lock();
        state.faults.len() + state.events.faults.len()
    }

    /// Forgets the faults that have yet to happen.
    pub fn clear_faults(&self) {
        let state = &mut *self.shared.lock();
        state.faults.clear();
        state.events.faults.clear();
    }
}

/// What it tells its [webhook](crate::Builder::webhook).
impl Sim {
    /// Takes out the deliveries that are due by now, in order: each a `POST` to `/` with its headers and its whole body.
    /// Without a webhook there is none.
    pub fn take_deliveries(&self) -> Vec<Request<Bytes>> {
        let due: Vec<Delivery> = {
            let events = &mut self.shared.lock().events;
            std::iter::from_fn(|| events.next()).collect()
        };
        due.iter().map(Delivery::request).collect()
    }

    /// Scripts a fault of the webhook, behind those that have been scripted before.
    pub fn webhook_fault(&self, fault: WebhookFault) {
        self.shared.lock().events.faults.push(fault);
    }

    /// Puts the events that wait to be delivered into another order: with the same seed, always the same.
    pub fn shuffle_deliveries(&self, seed: u64) {
        self.shared.lock().events.shuffle(seed);
    }
}

/// Credentials.
impl Sim {
    /// The simple key to call with.
    pub fn simple_key(&self) -> Token {
        self.shared.lock().credentials.simple_key().clone()
    }

    /// The refresh token of an OAuth application that is good now.
    pub fn refresh_token(&self, client_id: &str) -> Option<Token> {
        self.shared.lock().credentials.refresh_token(client_id).cloned()
    }

    /// The access tokens that were given out, in no order and without those that were made invalid. One that has expired
    /// may still be among them.
    pub fn access_tokens(&self) -> Vec<Token> {
        self.shared.lock().credentials.access_tokens().map(Token::from).collect()
    }

    /// Makes all access tokens invalid, however long they had to live.
    pub fn expire_access_tokens(&self) {
        self.shared.lock().credentials.expire_access_tokens();
    }
}

/// Users and groups.
impl Sim {
    /// All users by their number, with their histories.
    pub fn users(&self) -> Vec<User> {
        let (account, now) = (&self.shared.lock().account, self.shared.clock.wall());
        account.users().map(|(_, row)| account.user_object(row, now)).collect()
    }

    /// A user, with their history.
    pub fn user(&self, id: impl Into<UserId>) -> Option<User> {
        let account = &self.shared.lock().account;
        account.user(id.into()).map(|row| account.user_object(row, self.shared.clock.wall()))
    }

    /// Puts a user in, just as the object says, however odd that is: in the place of the one with the same `user_id`, or
    /// with a new one.
    ///
    /// ```
    /// # use ultracart_model::User;
    /// # use ultracart_sim::Sim;
    /// let sim = Sim::builder().users(0).build();
    /// let id = sim.put_user(User::new().login("<script>").email("x".repeat(200)));
    /// assert_eq!(sim.user(id).and_then(|user| user.login).as_deref(), Some("<script>"));
    /// ```
    pub fn put_user(&self, user: User) -> UserId {
        let state = &mut *self.shared.lock();
        let id = user.user_id.or_else(|| state.account.free_user_id()).unwrap_or(UserId::from(i32::MAX));
        state.put_user(id, UserRow::just_as(user));
        id
    }

    /// Changes a user behind the API's back. The answer is whether there is such a user.
    pub fn edit_user(&self, id: impl Into<UserId>, edit: impl FnOnce(&mut User)) -> bool {
        let id = id.into();
        let Some(mut user) = self.user(id) else { return false };
        edit(&mut user);
        let mut row = UserRow::just_as(user);
        let state = &mut *self.shared.lock();
        if let Some(old) = state.account.user(id) {
            row.password = row.password.or_else(|| old.password.clone());
            row.ftp_password = row.ftp_password.or_else(|| old.ftp_password.clone());
        }
        state.put_user(id, row);
        true
    }

    /// Gives a user this history, if there is such a user. Logins older than 90 days are not shown by the API.
    /// The webhook is not told.
    pub fn set_logins(&self, id: impl Into<UserId>, logins: impl IntoIterator<Item = UserLogin>) -> bool {
        let (id, logins) = (id.into(), logins.into_iter().collect());
        let account = &mut self.shared.lock().account;
        let Some(mut row) = account.user(id).cloned() else { return false };
        row.history = History::Given(logins);
        account.put_user(id, row);
        true
    }

    /// A user logs in, if there is such a user: a login is added to their history, at the account's time. The answer is
    /// whether there is.
    pub fn login(&self, id: impl Into<UserId>, ip_address: &str, user_agent: &str) -> bool {
        let (id, now) = (id.into(), self.shared.clock.wall());
        let state = &mut *self.shared.lock();
        let Some(mut row) = state.account.user(id).cloned() else { return false };
        let mut login = UserLogin::new()
            // UltraCart's times have no fractions of a second.
            .login_dts(format!("{now:.0}"))
            .ip_address(ip_address)
            .user_agent(user_agent);
        login.login.clone_from(&row.user.login);
        row.history = History::Given([vec![login], state.account.history(&row, now)].concat());
        state.log_in(id, row);
        true
    }

    /// Takes a user away. The answer is whether there was one.
    pub fn remove_user(&self, id: impl Into<UserId>) -> bool {
        self.shared.lock().remove_user(id.into())
    }

    /// All groups by their number, with their users.
    pub fn groups(&self) -> Vec<Group> {
        let account = &self.shared.lock().account;
        account.groups().map(|(oid, row)| account.group_object(oid, row)).collect()
    }

    /// A group, with its users.
    pub fn group(&self, oid: impl Into<GroupOid>) -> Option<Group> {
        let (account, oid) = (&self.shared.lock().account, oid.into());
        account.group(oid).map(|row| account.group_object(oid, row))
    }

    /// Puts a group in, just as the object says: in the place of the one with the same `group_oid`, or with a new one.
    /// Where the object has `users`, they become its members.
    pub fn put_group(&self, group: Group) -> GroupOid {
        let account = &mut self.shared.lock().account;
        let oid = group.group_oid.or_else(|| account.free_group_oid()).unwrap_or(GroupOid::from(i32::MAX));
        let members = group.users.as_ref().map(|users| {
            let members = users.iter().filter(|membership| membership.member == Some(true));
            members.filter_map(|membership| membership.user_id).collect()
        });
        account.put_group(oid, GroupRow::just_as(group));
        if let Some(members) = members {
            account.set_members(oid, &members);
        }
        oid
    }

    /// Changes a group behind the API's back. The answer is whether there is such a group.
    pub fn edit_group(&self, oid: impl Into<GroupOid>, edit: impl FnOnce(&mut Group)) -> bool {
        let oid = oid.into();
        let Some(mut group) = self.group(oid) else { return false };
        edit(&mut group);
        group.group_oid = Some(oid);
        self.put_group(group);
        true
    }

    /// Takes a group away, and everybody out of it. The answer is whether there was one.
    pub fn remove_group(&self, oid: impl Into<GroupOid>) -> bool {
        self.shared.lock().account.remove_group(oid.into())
    }
}
