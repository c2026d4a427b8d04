//! Users of an account.

use std::fmt;

use crate::{GroupOid, LoginDts, NewPassword, Notification, Permission, Text, UserId};

/// UltraCart refuses longer e-mail addresses.
const MAX_EMAIL_CHARS: usize = 150;

object! {
    /// A back-office user of a merchant's account.
    pub struct User {
        /// Given by UltraCart.
        user_id: UserId = "user_id";
        /// The name to log in with, unique in the account.
        login: Text = "login";
        /// E-mail address, of 150 characters at the most.
        email: Text = "email";
        /// The person's name.
        full_name: Text = "full_name";
        /// Telephone number.
        phone: Text = "phone";
        /// Serial number of the second factor; absent where the user has none.
        otp_serial_number: Text = "otp_serial_number";
        /// The new password, if it shall change. Sent and never read.
        change_password_to: NewPassword = "change_password_to", write_only;
        /// The new FTP password, if it shall change; it may not equal the normal one. Sent and never read.
        change_ftp_password_to: NewPassword = "change_ftp_password_to", write_only;
        /// Addresses that a user with API access may call from.
        api_ip_address_masks: Vec<Text> = "api_ip_address_masks";
        /// Every permission there is, each with whether this user has it.
        permissions: Vec<Permission> = "permissions";
        /// Every notification there is, each with whether this user receives it.
        notifications: Vec<Notification> = "notifications";
        /// Every group of the account, each with whether this user is a member.
        groups: Vec<UserGroupMembership> = "groups";
        /// Other accounts that this user can be carried over to.
        linked_accounts: Vec<LinkedAccount> = "linked_accounts";
        /// Logins of the last 90 days.
        login_histories: Vec<UserLogin> = "login_histories";
    }
}

object! {
    /// A group of the account, and whether the user is in it.
    pub struct UserGroupMembership {
        /// The group.
        group_oid: GroupOid = "group_oid";
        /// The group's name.
        name: Text = "name";
        /// Whether the user is a member.
        member: bool = "member";
    }
}

object! {
    /// Another account of the same merchant.
    pub struct LinkedAccount {
        /// The account's merchant id.
        merchant_id: Text = "merchant_id";
        /// The company's name.
        company: Text = "company";
        /// Whether this user's configuration cascades to that account.
        selected: bool = "selected";
    }
}

object! {
    /// One login.
    pub struct UserLogin {
        /// Who logged in.
        login: Text = "login";
        /// When.
        login_dts: LoginDts = "login_dts";
        /// From where.
        ip_address: Text = "ip_address";
        /// With what. Chosen by whoever logged in: hostile input.
        user_agent: Text = "user_agent";
    }
}

impl User {
    /// Whether the user has a second factor: a serial number that is more than blanks.
    pub fn has_second_factor(&self) -> bool {
        self.otp_serial_number.as_deref().is_some_and(|serial| !serial.trim().is_empty())
    }

    /// Checks what UltraCart would refuse, before a call is spent on it.
    ///
    /// # Errors
    /// If the e-mail address is longer than 150 characters, or both new passwords are the same.
    pub fn validate(&self) -> Result<(), InvalidUser> {
        let chars = self.email.as_deref().map_or(0, |email| email.chars().count());
        if chars > MAX_EMAIL_CHARS {
            return Err(InvalidUser(format!(
                "`email` has {chars} characters, and UltraCart takes {MAX_EMAIL_CHARS} at the most"
            )));
        }
        if self.change_password_to.is_some() && self.change_password_to == self.change_ftp_password_to {
            return Err(InvalidUser(
                "`change_ftp_password_to` may not be the same as `change_password_to`".to_owned(),
            ));
        }
        Ok(())
    }
}

/// A user that UltraCart would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidUser(String);

impl fmt::Display for InvalidUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidUser {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_of_blanks_is_no_second_factor() {
        assert!(User::new().otp_serial_number("VSST1").has_second_factor());
        assert!(!User::new().otp_serial_number(" \t").has_second_factor());
        assert!(!User::new().otp_serial_number("").has_second_factor());
        assert!(!User::new().has_second_factor());
    }
}
