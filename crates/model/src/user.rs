//! Users of an account.

use std::fmt;

use crate::{GroupOid, LoginDts, NewPassword, Notification, Permission, Text, UserId};

/// Maximum length of an e-mail address in characters. UltraCart does not accept longer ones.
const MAX_EMAIL_CHARS: usize = 150;

object! {
    /// A back-office user of a merchant's account.
    pub struct User {
        /// Identifier, assigned by UltraCart.
        user_id: UserId = "user_id";
        /// Name with which the user logs in, unique in the account.
        login: Text = "login";
        /// E-mail address, at most 150 characters.
        email: Text = "email";
        /// Full name.
        full_name: Text = "full_name";
        /// Telephone number.
        phone: Text = "phone";
        /// Serial number of the second factor. Not set if the user has none.
        otp_serial_number: Text = "otp_serial_number";
        /// New password; set it to change the password. It is sent and never decoded.
        change_password_to: NewPassword = "change_password_to", write_only;
        /// New FTP password; set it to change the FTP password. It must differ from the normal password. It
        /// is sent and never decoded.
        change_ftp_password_to: NewPassword = "change_ftp_password_to", write_only;
        /// Masks of the IP addresses from which a user with API access is allowed to call the API.
        api_ip_address_masks: Vec<Text> = "api_ip_address_masks";
        /// All permissions. Each states whether the user has it.
        permissions: Vec<Permission> = "permissions";
        /// All notifications. Each states whether the user receives it.
        notifications: Vec<Notification> = "notifications";
        /// All groups of the account. Each states whether the user is a member.
        groups: Vec<UserGroupMembership> = "groups";
        /// Other accounts of the merchant. Each states whether the user's configuration cascades to it.
        linked_accounts: Vec<LinkedAccount> = "linked_accounts";
        /// Logins of the last 90 days.
        login_histories: Vec<UserLogin> = "login_histories";
    }
}

object! {
    /// A group of the account, and whether the user is a member of it.
    pub struct UserGroupMembership {
        /// Identifier of the group.
        group_oid: GroupOid = "group_oid";
        /// Name of the group.
        name: Text = "name";
        /// Whether the user is a member.
        member: bool = "member";
    }
}

object! {
    /// Another account of the same merchant.
    pub struct LinkedAccount {
        /// Merchant id of the account.
        merchant_id: Text = "merchant_id";
        /// Name of the company.
        company: Text = "company";
        /// Whether the user's configuration cascades to the account.
        selected: bool = "selected";
    }
}

object! {
    /// A login of a user: an entry of the login history.
    pub struct UserLogin {
        /// Name with which the user logged in.
        login: Text = "login";
        /// Time of the login.
        login_dts: LoginDts = "login_dts";
        /// IP address from which the user logged in.
        ip_address: Text = "ip_address";
        /// User agent, such as a browser. The client that logs in chooses it: do not trust it.
        user_agent: Text = "user_agent";
    }
}

impl User {
    /// Returns whether the user has a second factor: an `otp_serial_number` that is not blank.
    pub fn has_second_factor(&self) -> bool {
        self.otp_serial_number.as_deref().is_some_and(|serial| !serial.trim().is_empty())
    }

    /// Checks a user that is to be inserted or updated. The client calls this before it sends the user, so an
    /// invalid user costs no call.
    ///
    /// ```
    /// let user = ultracart_model::User::new().change_password_to("x").change_ftp_password_to("x");
    /// assert!(user.validate().is_err());
    /// ```
    ///
    /// # Errors
    /// If `email` is longer than 150 characters, or if the new password and the new FTP password are equal.
    pub fn validate(&self) -> Result<(), InvalidUser> {
        let chars = self.email.as_deref().map_or(0, |email| email.chars().count());
        if chars > MAX_EMAIL_CHARS {
            return Err(InvalidUser(format!(
                "`email` has {chars} characters; UltraCart accepts at most {MAX_EMAIL_CHARS}"
            )));
        }
        if self.change_password_to.is_some() && self.change_password_to == self.change_ftp_password_to {
            return Err(InvalidUser(
                "`change_ftp_password_to` must differ from `change_password_to`".to_owned(),
            ));
        }
        Ok(())
    }
}

/// The error of [`User::validate`]: a user that UltraCart would not accept.
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
    fn blank_serial_number_is_no_second_factor() {
        assert!(User::new().otp_serial_number("VSST1").has_second_factor());
        assert!(!User::new().otp_serial_number(" \t").has_second_factor());
        assert!(!User::new().otp_serial_number("").has_second_factor());
        assert!(!User::new().has_second_factor());
    }
}
