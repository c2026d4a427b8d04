//! The peers of `ultracart-model`: types with the same fields, decoded by serde's derive.
#![expect(missing_docs, reason = "the fields are those of `ultracart-model`")]

/// Defines the types with the fields of `ultracart-model`, and adds the macro's argument as each type's last
/// field.
macro_rules! types {
    ($($extra:tt)*) => {
        use serde::Deserialize;

        #[derive(Debug, Deserialize)]
        pub struct UsersResponse {
            pub users: Option<Vec<User>>,
            pub success: Option<bool>,
            pub error: Option<ErrorDetails>,
            pub warning: Option<Warning>,
            pub metadata: Option<ResponseMetadata>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct UserResponse {
            pub user: Option<User>,
            pub success: Option<bool>,
            pub error: Option<ErrorDetails>,
            pub warning: Option<Warning>,
            pub metadata: Option<ResponseMetadata>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct User {
            pub user_id: Option<i32>,
            pub login: Option<String>,
            pub email: Option<String>,
            pub full_name: Option<String>,
            pub phone: Option<String>,
            pub otp_serial_number: Option<String>,
            pub change_password_to: Option<String>,
            pub change_ftp_password_to: Option<String>,
            pub api_ip_address_masks: Option<Vec<String>>,
            pub permissions: Option<Vec<Permission>>,
            pub notifications: Option<Vec<Notification>>,
            pub groups: Option<Vec<UserGroupMembership>>,
            pub linked_accounts: Option<Vec<LinkedAccount>>,
            pub login_histories: Option<Vec<UserLogin>>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct Permission {
            pub permission_group: Option<String>,
            #[serde(rename = "permission_Name")]
            pub permission_name: Option<String>,
            pub selected: Option<bool>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct Notification {
            pub name: Option<String>,
            pub notification_group: Option<String>,
            pub selected: Option<bool>,
            pub can_filter_by_distribution_centers: Option<bool>,
            pub distribution_center_filters: Option<Vec<String>>,
            pub can_include_affiliate: Option<bool>,
            pub include_affiliate: Option<bool>,
            pub can_include_order: Option<bool>,
            pub include_order: Option<bool>,
            pub can_include_order_plain_text: Option<bool>,
            pub include_order_plain_text: Option<bool>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct UserGroupMembership {
            pub group_oid: Option<i32>,
            pub name: Option<String>,
            pub member: Option<bool>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct LinkedAccount {
            pub merchant_id: Option<String>,
            pub company: Option<String>,
            pub selected: Option<bool>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct UserLogin {
            pub login: Option<String>,
            pub login_dts: Option<String>,
            pub ip_address: Option<String>,
            pub user_agent: Option<String>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct ErrorDetails {
            pub developer_message: Option<String>,
            pub user_message: Option<String>,
            pub error_code: Option<String>,
            pub object_id: Option<String>,
            pub more_info: Option<String>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct Warning {
            pub warning_code: Option<String>,
            pub warning_message: Option<String>,
            pub more_info: Option<String>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct ResponseMetadata {
            pub payload_name: Option<String>,
            pub result_set: Option<ResultSet>,
            $($extra)*
        }

        #[derive(Debug, Deserialize)]
        pub struct ResultSet {
            pub count: Option<i64>,
            pub limit: Option<i64>,
            pub offset: Option<i64>,
            pub next_offset: Option<i64>,
            pub more: Option<bool>,
            pub total_records: Option<i64>,
            $($extra)*
        }
    };
}

/// Types that drop unknown fields.
pub mod dropping {
    types! {}
}

/// Types that keep unknown fields as parsed values. `ultracart-model` keeps the JSON text of unknown fields.
pub mod keeping {
    types! {
        #[serde(flatten)]
        pub extra: serde_json::Map<String, serde_json::Value>,
    }
}
