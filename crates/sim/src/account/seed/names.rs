//! Names of generated users and groups.

use super::rng::Rng;

const FIRST: [&str; 48] = [
    "Aaliyah",
    "Adam",
    "Aisha",
    "Alejandro",
    "Amelia",
    "Andre",
    "Anika",
    "Arjun",
    "Beatriz",
    "Ben",
    "Camila",
    "Chen",
    "Chloé",
    "Daniel",
    "Deepa",
    "Diego",
    "Elena",
    "Emeka",
    "Emma",
    "Fatima",
    "Felix",
    "Grace",
    "Hannah",
    "Hiroshi",
    "Ibrahim",
    "Ingrid",
    "Isaac",
    "Jada",
    "James",
    "Jin",
    "José",
    "Julia",
    "Kofi",
    "Layla",
    "Liam",
    "Marcus",
    "Mei",
    "Miguel",
    "Nadia",
    "Noah",
    "Olivia",
    "Priya",
    "Rosa",
    "Samuel",
    "Søren",
    "Tamar",
    "Victor",
    "Zoë",
];

const LAST: [&str; 60] = [
    "Adeyemi", "Ahmed", "Andersen", "Bauer", "Bennett", "Brooks", "Carter", "Castillo", "Chavez", "Cohen",
    "Cooper", "Diaz", "Dubois", "Edwards", "Evans", "Fischer", "Flores", "Foster", "Garcia", "Gomez",
    "Green", "Gupta", "Haddad", "Hansen", "Harris", "Hughes", "Ito", "Jackson", "Jensen", "Johnson",
    "Kapoor", "Khan", "Kim", "Kowalski", "Larsen", "Lee", "Lopez", "Martin", "Mbeki", "Mendoza", "Meyer",
    "Morales", "Murphy", "Nguyen", "Novak", "Okafor", "Ortiz", "Patel", "Petrov", "Ramirez", "Reyes",
    "Rossi", "Sato", "Schmidt", "Silva", "Singh", "Suzuki", "Taylor", "Wang", "Yilmaz",
];

/// The name of a group, the names of its permissions, and the names of its notifications. A permission or
/// notification that ends in `*` stands for all names that begin with the text before the `*`.
pub(super) type GroupPlan = (&'static str, &'static [&'static str], &'static [&'static str]);

pub(super) const GROUPS: [GroupPlan; 12] = [
    ("Administrators", &["*"], &["Chargeback Opened", "Daily Sales Summary"]),
    (
        "Customer Service",
        &["orders_view", "orders_edit", "orders_refund", "customers_view", "customers_edit"],
        &["Refund Issued", "Auto Order Failed"],
    ),
    (
        "Warehouse",
        &["orders_view", "orders_batch", "items_view", "items_inventory"],
        &["Order Received", "Low Inventory"],
    ),
    (
        "Marketing",
        &["storefront_edit", "email_campaigns", "reports_marketing", "coupons_edit"],
        &["Affiliate Application"],
    ),
    (
        "Finance",
        &["reports_financial", "payments_view", "taxes_settings", "accounting_export", "orders_export"],
        &["Chargeback Opened", "Daily Sales Summary"],
    ),
    ("Developers", &["settings_edit", "webhooks_manage", "api_access", "storefront_edit"], &[]),
    ("Merchandising", &["items_view", "items_edit", "items_pricing", "coupons_edit"], &["Low Inventory"]),
    ("Purchasing", &["items_view", "items_inventory", "payments_view"], &["Low Inventory"]),
    ("Wholesale", &["orders_view", "orders_edit", "customers_view", "items_pricing"], &["Order Received"]),
    ("Affiliates", &["affiliates_manage", "reports_marketing"], &["Affiliate Application"]),
    ("Reviews", &["reviews_edit", "customers_view", "orders_view"], &["Order Shipped"]),
    ("Seasonal Staff", &["orders_view", "orders_batch"], &["Order Received"]),
];

/// Returns a random first and last name.
pub(super) fn person(rng: &mut Rng) -> (&'static str, &'static str) {
    (rng.pick(&FIRST), rng.pick(&LAST))
}

/// Returns the login of a name, for example `egarcia` for Elena Garcia.
pub(super) fn login(first: &str, last: &str) -> String {
    first.chars().take(1).chain(last.chars()).flat_map(char::to_lowercase).collect()
}
