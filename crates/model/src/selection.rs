//! Permissions and notifications of users and groups.

use crate::Text;

object! {
    /// A permission, and whether the user or group has it.
    pub struct Permission {
        /// Heading under which UltraCart lists the permission. It has no other effect.
        permission_group: Text = "permission_group";
        /// Name of the permission. On the wire the field is `permission_Name`, with a capital N.
        permission_name: Text = "permission_Name" | "permission_name";
        /// Whether the permission is granted.
        selected: bool = "selected";
    }
}

object! {
    /// A notification, and whether the user or group receives it.
    pub struct Notification {
        /// Name of the notification.
        name: Text = "name";
        /// Heading under which UltraCart lists the notification. It has no other effect.
        notification_group: Text = "notification_group";
        /// Whether the notification is received.
        selected: bool = "selected";
        /// Whether the notification supports `distribution_center_filters`.
        can_filter_by_distribution_centers: bool = "can_filter_by_distribution_centers";
        /// Codes of the distribution centers whose notifications are received.
        distribution_center_filters: Vec<Text> = "distribution_center_filters";
        /// Whether the notification supports `include_affiliate`.
        can_include_affiliate: bool = "can_include_affiliate";
        /// Whether the notification names the affiliate.
        include_affiliate: bool = "include_affiliate";
        /// Whether the notification supports `include_order`.
        can_include_order: bool = "can_include_order";
        /// Whether the order is attached to the notification.
        include_order: bool = "include_order";
        /// Whether the notification supports `include_order_plain_text`.
        can_include_order_plain_text: bool = "can_include_order_plain_text";
        /// Whether the text of the notification contains the order.
        include_order_plain_text: bool = "include_order_plain_text";
    }
}
