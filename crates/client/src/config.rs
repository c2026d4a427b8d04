//! Settings of the client. They have defaults and can be set in a TOML file, by environment variables or in
//! code.
//!
//! Load the settings with [`Layers`] and pass them to
//! [`ClientBuilder::config`](crate::ClientBuilder::config):
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use ultracart_client::Client;
//! use ultracart_client::config::{Config, Layers};
//!
//! let loaded = Layers::new().file("config.toml").env(std::env::vars_os()).load::<Config>()?;
//! let client = Client::builder().config(loaded.config).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Or start from [`Config::default`] and change its fields. Each field of [`Config`] is a section of the
//! file.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ultracart_transport::config::{self as transport, human_duration};

pub use ultracart_transport::config::{
    Api, Auth, ConfigError, Http, HumanDuration, Layers, Limiter, Loaded, Oauth, Origin, Problem, Retry,
    Secret, Setting, Settings, Validation, Window,
};

/// All settings of the client. Every key is optional in a file.
///
/// ```
/// let mut config = ultracart_client::config::Config::default();
/// config.limiter.spare = 10;
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The API's server.
    pub api: Api,
    /// The credential that authorizes calls.
    pub auth: Auth,
    /// The quota and the pauses between calls.
    pub limiter: Limiter,
    /// Retries of failed attempts.
    pub retry: Retry,
    /// HTTP connections.
    pub http: Http,
    /// Caching of responses.
    pub cache: Cache,
    /// The access review.
    pub audit: Audit,
}

impl Config {
    /// Returns the sections that the transport needs.
    pub(crate) fn transport(self) -> transport::Transport {
        transport::Transport::new(self.api, self.auth, self.limiter, self.retry, self.http)
    }
}

/// Settings of the cache (`[cache]`): how long responses are cached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Cache {
    /// Rule for the list of users and for single users.
    pub users: CacheRule,
    /// Rule for the list of groups and for single groups.
    pub groups: CacheRule,
    /// Rule for the logins of each user.
    pub logins: CacheRule,
    /// Time to live of users and logins while webhook events about users arrive. If `ttl` is longer, `ttl`
    /// applies. It also applies again when no such event has arrived for `webhook_ttl`. If an event is lost,
    /// its change is noticed when the cached value expires.
    #[serde(with = "human_duration")]
    pub webhook_ttl: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            users: CacheRule::default(),
            groups: CacheRule::default(),
            logins: CacheRule::default(),
            webhook_ttl: Duration::from_hours(1),
        }
    }
}

impl Cache {
    /// Returns settings that turn caching off.
    pub fn off() -> Self {
        let off = CacheRule { ttl: Duration::ZERO, ..CacheRule::default() };
        Self { users: off.clone(), groups: off.clone(), logins: off, ..Self::default() }
    }
}

/// Caching of one kind of response (`[cache.users]`, `[cache.groups]`, `[cache.logins]`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheRule {
    /// Time to live of a cached value; zero turns caching off.
    #[serde(with = "human_duration")]
    pub ttl: Duration,
    /// Fraction of the time to live, from 0.1 to 1, after which a cached list or cached logins are refreshed
    /// early. A read then returns the cached value and refreshes it in the background, if the quota allows.
    /// The value 1 turns this off.
    pub refresh_at: f64,
    /// How long a read can still return a value after it has expired. A read with the policy
    /// [`StaleAllowed`](crate::CachePolicy::StaleAllowed) does so at once. A read with the default policy
    /// does so if its call fails because of an outage, such as a timeout or a 5xx.
    #[serde(with = "human_duration")]
    pub stale_if_error: Duration,
}

impl Default for CacheRule {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(5), refresh_at: 0.8, stale_if_error: Duration::from_hours(24) }
    }
}

/// Settings of the access review (`[audit]`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Audit {
    /// Time without a login after which a user is dormant. UltraCart keeps logins for 90 days, so a longer
    /// time has the effect of 90 days.
    #[serde(with = "human_duration")]
    pub dormant_after: Duration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { dormant_after: Duration::from_hours(90 * 24) }
    }
}

const TTL: &str = "a time with a unit, up to `365d`, such as `5m`; `0s` turns caching off";
const REFRESH_AT: &str = "a number from 0.1 to 1, such as `0.8`; `1.0` turns refresh-ahead off";
const STALE_IF_ERROR: &str =
    "a time with a unit, up to `365d`, such as `24h`; `0s` returns no expired values";

/// Each key of `[cache]` and `[audit]` with a description of the allowed values.
const ALLOWED: &[(&str, &str)] = &[
    ("cache.users.ttl", TTL),
    ("cache.users.refresh_at", REFRESH_AT),
    ("cache.users.stale_if_error", STALE_IF_ERROR),
    ("cache.groups.ttl", TTL),
    ("cache.groups.refresh_at", REFRESH_AT),
    ("cache.groups.stale_if_error", STALE_IF_ERROR),
    ("cache.logins.ttl", TTL),
    ("cache.logins.refresh_at", REFRESH_AT),
    ("cache.logins.stale_if_error", STALE_IF_ERROR),
    ("cache.webhook_ttl", "a time with a unit, up to `1d`, such as `1h`; `0s` leaves `ttl` unchanged"),
    ("audit.dormant_after", "a time with a unit, from `1d` to `3650d`, such as `90d`"),
];

impl Settings for Config {
    fn allowed() -> Vec<(&'static str, &'static str)> {
        [transport::Transport::allowed(), ALLOWED.to_vec()].concat()
    }

    fn check(&self, validation: &mut Validation) {
        self.clone().transport().check(validation);
        let rules = [&self.cache.users, &self.cache.groups, &self.cache.logins];
        for (name, rule) in ["users", "groups", "logins"].into_iter().zip(rules) {
            validation.require_within(
                &format!("cache.{name}.ttl"),
                &HumanDuration(rule.ttl),
                ..=HumanDuration(days(365)),
            );
            validation.require_within(&format!("cache.{name}.refresh_at"), &rule.refresh_at, 0.1..=1.0);
            let stale_if_error = HumanDuration(rule.stale_if_error);
            validation.require_within(
                &format!("cache.{name}.stale_if_error"),
                &stale_if_error,
                ..=HumanDuration(days(365)),
            );
        }
        validation.require_within(
            "cache.webhook_ttl",
            &HumanDuration(self.cache.webhook_ttl),
            ..=HumanDuration(days(1)),
        );
        let dormant_after = HumanDuration(days(1))..=HumanDuration(days(3650));
        validation.require_within(
            "audit.dormant_after",
            &HumanDuration(self.audit.dormant_after),
            dormant_after,
        );
    }
}

fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn messages(toml: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, toml).unwrap();
        let error = Layers::new().file(path).load::<Config>().unwrap_err();
        let lines: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        lines.join("\n").replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn invalid_settings_are_reported_in_plain_words() {
        let wrong = [
            "cache.users.ttl = \"366d\"",
            "cache.users = \"5m\"",
            "cache.user.ttl = \"5m\"",
            "cache.logins.tll = \"5m\"",
            "cache.groups.refresh_at = 0.05",
            "cache.groups.refresh_at = nan",
            "cache.groups.refresh_at = \"80%\"",
            "cache.users.stale_if_error = \"400d\"",
            "cache.webhook_ttl = \"2d\"",
            "audit.dormant_after = \"0s\"",
            "audit.dormant_after = 90",
            "audits.dormant_after = \"90d\"",
            "limiter.spare = -1",
        ];
        let messages = wrong.map(messages).join("\n");
        insta::assert_snapshot!(messages, @r#"
        `cache.users.ttl` is 366d (file config.toml); expected a time with a unit, up to `365d`, such as `5m`; `0s` turns caching off
        `cache.users` is "5m" (file config.toml); expected a table: `[cache.users]` and then `key = value`
        `cache.user` is not a setting (file config.toml); did you mean `cache.users`?
        `cache.logins.tll` is not a setting (file config.toml); did you mean `cache.logins.ttl`?
        `cache.groups.refresh_at` is 0.05 (file config.toml); expected a number from 0.1 to 1, such as `0.8`; `1.0` turns refresh-ahead off
        `cache.groups.refresh_at` is NaN (file config.toml); expected a number from 0.1 to 1, such as `0.8`; `1.0` turns refresh-ahead off
        `cache.groups.refresh_at` is "80%" (file config.toml); expected a number from 0.1 to 1, such as `0.8`; `1.0` turns refresh-ahead off
        `cache.users.stale_if_error` is 400d (file config.toml); expected a time with a unit, up to `365d`, such as `24h`; `0s` returns no expired values
        `cache.webhook_ttl` is 2d (file config.toml); expected a time with a unit, up to `1d`, such as `1h`; `0s` leaves `ttl` unchanged
        `audit.dormant_after` is 0s (file config.toml); expected a time with a unit, from `1d` to `3650d`, such as `90d`
        `audit.dormant_after` is 90 (file config.toml); expected a time with a unit, from `1d` to `3650d`, such as `90d`
        `audits` is not a section (file config.toml); did you mean `audit`?
        `limiter.spare` is -1 (file config.toml); expected a whole number from 0 up, below the `burst` of every window
        "#);
    }

    /// Adds the dotted key of each table in `value` to `tables`, and the keys of all other values to
    /// `values`. `value` itself has the key `key`. Each item of a list has the key of the list.
    fn add_keys(value: &Value, key: &str, tables: &mut BTreeSet<String>, values: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                tables.insert(key.to_owned());
                for (name, value) in fields {
                    let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                    add_keys(value, &key, tables, values);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                values.insert(key.to_owned());
                for item in items {
                    add_keys(item, key, tables, values);
                }
            }
            _ => _ = values.insert(key.to_owned()),
        }
    }

    #[test]
    fn every_setting_has_a_text_and_a_place_in_the_docs() {
        let mut config = Config::default();
        // Settings that have no default.
        config.auth.oauth = Some(Oauth::default());
        let windows = vec![Window::new(2, Duration::from_secs(1)).burst(1)];
        config.limiter.address_windows = Some(windows.clone());
        config.limiter.windows = windows;
        let (mut tables, mut values) = (BTreeSet::new(), BTreeSet::new());
        add_keys(&serde_json::to_value(&config).unwrap(), "", &mut tables, &mut values);
        assert!(values.len() > 30, "{values:?}");

        let allowed: BTreeSet<String> =
            Config::allowed().into_iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(allowed.len(), Config::allowed().len(), "a key with two texts in `ALLOWED`");
        let missing: Vec<_> = values.difference(&allowed).collect();
        assert_eq!(missing, [""; 0], "a setting without a text in `ALLOWED`");
        let unknown: Vec<_> =
            allowed.iter().filter(|key| !values.contains(*key) && !tables.contains(*key)).collect();
        assert_eq!(unknown, [""; 0], "a text in `ALLOWED` for no setting");

        let docs =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.toml")).unwrap();
        let words: BTreeSet<&str> = docs.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let undocumented: Vec<_> =
            values.iter().filter(|key| !words.contains(key.rsplit('.').next().unwrap())).collect();
        assert_eq!(undocumented, [""; 0], "a setting that docs/config.toml does not mention");
    }

    /// `docs/config.toml` has every key with its default.
    #[test]
    fn documented_file_contains_all_defaults() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let documented = Layers::new().file(path).load::<Config>().unwrap();
        let defaults = Layers::new().load::<Config>().unwrap();
        let values = |loaded: &Loaded<Config>| -> Vec<(String, String)> {
            loaded.settings.iter().map(|setting| (setting.key.clone(), setting.as_toml())).collect()
        };
        assert_eq!(values(&documented), values(&defaults));
        for setting in &documented.settings {
            let name = setting.key.rsplit('.').next().unwrap();
            let is_set = !setting.as_toml().is_empty();
            assert_eq!(
                is_set,
                matches!(setting.origin, Origin::File(_)),
                "docs/config.toml does not set {}",
                setting.key
            );
            assert!(
                is_set
                    || text.contains(&format!("# {name} = "))
                    || text.contains(&format!("# [{}]", setting.key)),
                "{}",
                setting.key
            );
        }
        // Settings in comments are valid, too. A file can have only one of the three kinds of credentials.
        let is_setting = |line: &&str| line.starts_with('[') || line.contains(" = ");
        let lines: Vec<&str> =
            text.lines().map(|line| line.strip_prefix("# ").filter(is_setting).unwrap_or(line)).collect();
        for kind in ["simple_key", "simple_key_file", "oauth"] {
            let belongs_to_kind = |line: &&&str| match line.split(' ').next() {
                Some(key @ ("simple_key" | "simple_key_file")) => key == kind,
                Some("[auth.oauth]" | "client_id" | "refresh_token" | "refresh_token_file") => {
                    kind == "oauth"
                }
                _ => true,
            };
            let toml = lines.iter().filter(belongs_to_kind).copied().collect::<Vec<_>>().join("\n");
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("config.toml"), toml).unwrap();
            let loaded = Layers::new().file(folder.path().join("config.toml")).load::<Config>().unwrap();
            let set =
                loaded.settings.iter().filter(|setting| matches!(setting.origin, Origin::File(_))).count();
            assert!(set > documented.settings.len() - 5, "{kind}: {set}");
        }
    }
}
