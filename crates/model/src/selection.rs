//! What a user or a group may do, and what it is told of.

use crate::Text;

object! {
    /// A permission, and whether the user or group has it.
    pub struct Permission {
        /// For visual grouping only.
        permission_group: Text = "permission_group";
        /// The permission's name. On the wire it is `permission_Name`, with a capital N.
        permission_name: Text = "permission_Name" | "permission_name";
        /// Whether it is granted.
        selected: bool = "selected";
    }
}

object! {
    /// A notification, and whether the user or group receives it.
    pub struct Notification {
        /// The notification's name.
        name: Text = "name";
        /// For visual grouping only.
        notification_group: Text = "notification_group";
        /// Whether it is received.
        selected: bool = "selected";
        /// Whether `distribution_center_filters` has an effect.
        can_filter_by_distribution_centers: bool = "can_filter_by_distribution_centers";
        /// Codes of the distribution centres to be told of.
        distribution_center_filters: Vec<Text> = "distribution_center_filters";
        /// Whether `include_affiliate` has an effect.
        can_include_affiliate: bool = "can_include_affiliate";
        /// Whether the affiliate is named.
        include_affiliate: bool = "include_affiliate";
        /// Whether `include_order` has an effect.
        can_include_order: bool = "can_include_order";
        /// Whether the order is attached.
        include_order: bool = "include_order";
        /// Whether `include_order_plain_text` has an effect.
        can_include_order_plain_text: bool = "can_include_order_plain_text";
        /// Whether the order is in the text.
        include_order_plain_text: bool = "include_order_plain_text";
    }
}
