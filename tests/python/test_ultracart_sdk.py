"""Tests all eleven operations of a simulated account with UltraCart's own, unchanged Python client.

ULTRACART_BASE_URL and ULTRACART_SIMPLE_KEY name the account. `run.sh` starts one and sets both.
"""

import os
import unittest

from ultracart import ApiClient, ApiException, Configuration
from ultracart.api.user_api import UserApi
from ultracart.exceptions import UnauthorizedException
from ultracart.models import Group, GroupUserMembership, Permission, User, UserGroupMembership


def client(key):
    # The same as `UserApi.fromApiKey`, which fails because it uses a class that its module does not import.
    config = Configuration(host=os.environ["ULTRACART_BASE_URL"], api_key={"x-ultracart-simple-key": key})
    # No retries: they would hide errors of the account.
    config.retries = False
    return UserApi(ApiClient(config, header_name="X-UltraCart-Api-Version", header_value="2017-03-01"))


def member_oids(user):
    return {group.group_oid for group in user.groups if group.member}


def member_ids(group):
    return {user.user_id for user in group.users if user.member}


def granted(permissions):
    return {permission.permission_name for permission in permissions if permission.selected}


class ElevenOperations(unittest.TestCase):
    def setUp(self):
        self.api = client(os.environ["ULTRACART_SIMPLE_KEY"])

    def group(self, group_oid):
        """Returns a group from the list. `get_group` of the client discards the response."""
        groups = self.api.get_groups().groups
        return next(group for group in groups if group.group_oid == group_oid)

    def test_get_users(self):
        response = self.api.get_users()
        self.assertTrue(response.success)
        self.assertGreater(len(response.users), 1)
        first = response.users[0]
        self.assertIsInstance(first.user_id, int)
        self.assertTrue(first.login and first.email and first.full_name)
        self.assertEqual(len(first.groups), len(self.api.get_groups().groups))
        self.assertTrue(granted(first.permissions))

    def test_get_user_and_logins(self):
        listed = self.api.get_users().users[0]
        user = self.api.get_user(listed.user_id).user
        self.assertEqual(user.login, listed.login)
        self.assertEqual(granted(user.permissions), granted(listed.permissions))
        logins = self.api.get_user_logins(listed.user_id).logins
        self.assertTrue(logins)
        self.assertEqual({login.login for login in logins}, {listed.login})
        self.assertRegex(logins[0].login_dts, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$")
        self.assertTrue(logins[0].ip_address and logins[0].user_agent)

    def test_insert_update_and_delete_a_user(self):
        group_oid = self.api.get_groups().groups[0].group_oid
        wanted = User(
            login="sdk_ada",
            email="ada@example.com",
            full_name="Ada Lovelace",
            change_password_to="correct horse",
            permissions=[Permission(permission_name="orders_view", selected=True)],
            groups=[UserGroupMembership(group_oid=group_oid, member=True)],
        )
        user = self.api.insert_user(wanted).user
        self.assertEqual((user.login, user.full_name), ("sdk_ada", "Ada Lovelace"))
        self.assertEqual(granted(user.permissions), {"orders_view"})
        self.assertEqual(member_oids(user), {group_oid})
        self.assertNotIn("change_password_to", user)
        self.assertIn(user.user_id, member_ids(self.group(group_oid)))

        user.phone = "+1-614-555-0100"
        updated = self.api.update_user(user.user_id, user).user
        self.assertEqual((updated.phone, updated.email), ("+1-614-555-0100", "ada@example.com"))
        self.assertEqual(member_oids(updated), {group_oid})
        # The client does not send fields that are not set, so they do not change.
        updated = self.api.update_user(user.user_id, User(full_name="Ada King")).user
        self.assertEqual((updated.full_name, updated.phone), ("Ada King", "+1-614-555-0100"))

        with self.assertRaises(ApiException) as caught:
            self.api.insert_user(User(login="sdk_ada"))
        self.assertEqual(caught.exception.status, 400)
        self.assertTrue(caught.exception.headers["UC-REST-ERROR"])
        self.assertIn("developer_message", caught.exception.body)

        self.assertIsNone(self.api.delete_user(user.user_id))
        with self.assertRaises(ApiException) as caught:
            self.api.get_user(user.user_id)
        self.assertEqual(caught.exception.status, 400)
        self.assertNotIn(user.user_id, member_ids(self.group(group_oid)))

    def test_insert_update_and_delete_a_group(self):
        user_id = self.api.get_users().users[0].user_id
        wanted = Group(
            name="SDK Crew",
            permissions=[Permission(permission_name="items_edit", selected=True)],
            users=[GroupUserMembership(user_id=user_id, member=True)],
        )
        group = self.api.insert_group(wanted).group
        self.assertEqual((group.name, granted(group.permissions)), ("SDK Crew", {"items_edit"}))
        self.assertEqual(member_ids(group), {user_id})
        member = next(user for user in group.users if user.member)
        self.assertEqual(member.full_name, self.api.get_user(user_id).user.full_name)
        self.assertIn(group.group_oid, member_oids(self.api.get_user(user_id).user))

        # UltraCart documents no body for this response, so the client ignores the one that the account sends.
        self.assertIsNone(self.api.get_group(group.group_oid))
        self.assertEqual(self.api.api_client.last_response.status, 200)

        group.name = "SDK Team"
        updated = self.api.update_group(group.group_oid, group).group
        self.assertEqual((updated.name, member_ids(updated)), ("SDK Team", {user_id}))

        self.assertIsNone(self.api.delete_group(group.group_oid))
        self.assertNotIn(group.group_oid, [other.group_oid for other in self.api.get_groups().groups])
        self.assertNotIn(group.group_oid, member_oids(self.api.get_user(user_id).user))

    def test_wrong_key_is_unauthorized(self):
        with self.assertRaises(UnauthorizedException) as caught:
            client("wrong").get_users()
        self.assertTrue(caught.exception.headers["UC-REST-ERROR"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
