//! Methods with which a test inspects and changes the account directly, without spending calls.

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

/// Recorded requests and quota.
impl Sim {
    /// Returns the latest requests, oldest first. Credentials and passwords are redacted.
    ///
    /// [`record_requests`](crate::SimBuilder::record_requests) sets how many are retained.
    pub fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.shared.lock().records.latest.iter().cloned().collect()
    }

    /// Returns the number of requests that arrived, whatever the response was. Requests to `/oauth/token` do
    /// not count.
    pub fn calls(&self) -> u64 {
        self.shared.lock().records.calls
    }

    /// Returns the number of requests that a limit rejected. Scripted 429s do not count.
    pub fn rejections(&self) -> u64 {
        self.shared.lock().records.rejections
    }

    /// Returns the number of requests that arrived while another call of the same application or IP address
    /// was in flight.
    pub fn overlaps(&self) -> u64 {
        self.shared.lock().records.overlaps
    }

    /// Returns how many calls remain in each window.
    ///
    /// The windows of the applications come first, in order of the applications' names. Then come the windows
    /// of the IP addresses. These are `127.0.0.1` and every other address that has made calls.
    pub fn remaining(&self) -> Vec<Remaining> {
        self.shared.lock().limits.remaining(self.shared.clock.now())
    }

    /// Returns the time since the account was built, by tokio's clock.
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.now()
    }
}

/// Faults.
impl Sim {
    /// Adds a fault to the end of the queue of pending faults.
    pub fn fault(&self, fault: Fault) {
        self.script([fault]);
    }

    /// Adds several faults to the end of the queue of pending faults.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        // Collected before locking: the iterator may itself lock the account.
        let faults: Vec<Fault> = faults.into_iter().collect();
        self.shared.lock().faults.extend(faults);
    }

    /// Returns the number of pending faults, including webhook faults.
    pub fn faults_left(&self) -> usize {
        let state = self.shared.lock();
        state.faults.len() + state.events.faults.len()
    }

    /// Removes all pending faults, including webhook faults.
    pub fn clear_faults(&self) {
        let state = &mut *self.shared.lock();
        state.faults.clear();
        state.events.faults.clear();
    }
}

/// Deliveries to the [webhook](crate::SimBuilder::webhook).
impl Sim {
    /// Removes and returns the deliveries that are due, in order. Each is a `POST` request to `/` with
    /// headers and body.
    ///
    /// Without a webhook, there are no deliveries.
    pub fn take_deliveries(&self) -> Vec<Request<Bytes>> {
        let due: Vec<Delivery> = {
            let events = &mut self.shared.lock().events;
            std::iter::from_fn(|| events.next()).collect()
        };
        due.iter().map(Delivery::request).collect()
    }

    /// Scripts a webhook fault, after those already scripted.
    pub fn webhook_fault(&self, fault: WebhookFault) {
        self.shared.lock().events.faults.push(fault);
    }

    /// Shuffles the events that wait for delivery. The same seed gives the same order.
    pub fn shuffle_events(&self, seed: u64) {
        self.shared.lock().events.shuffle(seed);
    }
}

/// Credentials.
impl Sim {
    /// Returns the simple key that the account accepts.
    pub fn simple_key(&self) -> Token {
        self.shared.lock().credentials.simple_key().clone()
    }

    /// Returns the current refresh token of an OAuth application, or `None` if the client ID is unknown.
    pub fn refresh_token(&self, client_id: &str) -> Option<Token> {
        self.shared.lock().credentials.refresh_token(client_id).cloned()
    }

    /// Returns the issued access tokens, in no particular order. Expired tokens may be among them.
    ///
    /// [`expire_access_tokens`](Self::expire_access_tokens) removes all of the tokens, expired or not.
    pub fn access_tokens(&self) -> Vec<Token> {
        self.shared.lock().credentials.access_tokens().map(Token::from).collect()
    }

    /// Expires all access tokens now.
    pub fn expire_access_tokens(&self) {
        self.shared.lock().credentials.expire_access_tokens();
    }
}

/// Users and groups.
impl Sim {
    /// Returns all users in order of `user_id`, with their login histories.
    pub fn users(&self) -> Vec<User> {
        let (account, now) = (&self.shared.lock().account, self.shared.clock.wall());
        account.users().map(|(_, row)| account.user_object(row, now)).collect()
    }

    /// Returns a user with the login history.
    pub fn user(&self, id: impl Into<UserId>) -> Option<User> {
        let account = &self.shared.lock().account;
        account.user(id.into()).map(|row| account.user_object(row, self.shared.clock.wall()))
    }

    /// Stores a user exactly as given, without validation, and returns the ID.
    ///
    /// A user with the same `user_id` is replaced. Without a `user_id`, the user gets a new one. Of the
    /// `groups`, only those with a `group_oid` and `member: true` are stored. Queues a webhook event.
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
        state.put_user(id, UserRow::from_object(user));
        id
    }

    /// Changes a user without an API call. Returns `false` if the user does not exist. Queues a webhook
    /// event.
    pub fn edit_user(&self, id: impl Into<UserId>, edit: impl FnOnce(&mut User)) -> bool {
        let id = id.into();
        let Some(mut user) = self.user(id) else { return false };
        edit(&mut user);
        let mut row = UserRow::from_object(user);
        let state = &mut *self.shared.lock();
        if let Some(old) = state.account.user(id) {
            row.password = row.password.or_else(|| old.password.clone());
            row.ftp_password = row.ftp_password.or_else(|| old.ftp_password.clone());
        }
        state.put_user(id, row);
        true
    }

    /// Replaces a user's login history. Returns `false` if the user does not exist.
    ///
    /// The API does not return logins older than 90 days. No webhook event is queued.
    pub fn set_logins(&self, id: impl Into<UserId>, logins: impl IntoIterator<Item = UserLogin>) -> bool {
        let (id, logins) = (id.into(), logins.into_iter().collect());
        let account = &mut self.shared.lock().account;
        let Some(mut row) = account.user(id).cloned() else { return false };
        row.history = History::Given(logins);
        account.put_user(id, row);
        true
    }

    /// Adds a login to a user's history, at the account's current time. Returns `false` if the user does not
    /// exist.
    ///
    /// Queues a `user_login` webhook event.
    pub fn add_login(&self, id: impl Into<UserId>, ip_address: &str, user_agent: &str) -> bool {
        let (id, now) = (id.into(), self.shared.clock.wall());
        let state = &mut *self.shared.lock();
        let Some(mut row) = state.account.user(id).cloned() else { return false };
        let mut login = UserLogin::new()
            // UltraCart's times have whole seconds.
            .login_dts(format!("{now:.0}"))
            .ip_address(ip_address)
            .user_agent(user_agent);
        login.login.clone_from(&row.user.login);
        row.history = History::Given([vec![login], state.account.history(&row, now)].concat());
        state.log_in(id, row);
        true
    }

    /// Deletes a user. Returns `false` if the user does not exist. Queues a webhook event.
    pub fn remove_user(&self, id: impl Into<UserId>) -> bool {
        self.shared.lock().remove_user(id.into())
    }

    /// Returns all groups in order of `group_oid`, with their users.
    pub fn groups(&self) -> Vec<Group> {
        let account = &self.shared.lock().account;
        account.groups().map(|(oid, row)| account.group_object(oid, row)).collect()
    }

    /// Returns a group with its users.
    pub fn group(&self, oid: impl Into<GroupOid>) -> Option<Group> {
        let (account, oid) = (&self.shared.lock().account, oid.into());
        account.group(oid).map(|row| account.group_object(oid, row))
    }

    /// Stores a group exactly as given, without validation, and returns the OID.
    ///
    /// A group with the same `group_oid` is replaced. Without a `group_oid`, the group gets a new one. If the
    /// object has `users`, those with a `user_id` and `member: true` become the group's only members.
    pub fn put_group(&self, group: Group) -> GroupOid {
        let account = &mut self.shared.lock().account;
        let oid = group.group_oid.or_else(|| account.free_group_oid()).unwrap_or(GroupOid::from(i32::MAX));
        let members = group.users.as_ref().map(|users| {
            let members = users.iter().filter(|membership| membership.member == Some(true));
            members.filter_map(|membership| membership.user_id).collect()
        });
        account.put_group(oid, GroupRow::from_object(group));
        if let Some(members) = members {
            account.set_members(oid, &members);
        }
        oid
    }

    /// Changes a group without an API call. Returns `false` if the group does not exist.
    pub fn edit_group(&self, oid: impl Into<GroupOid>, edit: impl FnOnce(&mut Group)) -> bool {
        let oid = oid.into();
        let Some(mut group) = self.group(oid) else { return false };
        edit(&mut group);
        group.group_oid = Some(oid);
        self.put_group(group);
        true
    }

    /// Deletes a group and all memberships in it. Returns `false` if the group does not exist.
    pub fn remove_group(&self, oid: impl Into<GroupOid>) -> bool {
        self.shared.lock().account.remove_group(oid.into())
    }
}
