//! Settings of the client: the whole configuration file.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ultracart_transport::config::{self as transport, human_duration};

pub use ultracart_transport::config::{
    Api, Auth, Checks, ConfigError, Http, Human, Layers, Limiter, Loaded, Oauth, Origin, Problem, Retry,
    Secret, Setting, Settings, Window,
};

/// All settings. Every key is optional.
///
/// ```
/// let mut config = ultracart_client::config::Config::default();
/// config.limiter.spare = 10;
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The server.
    pub api: Api,
    /// The credential.
    pub auth: Auth,
    /// The quota.
    pub limiter: Limiter,
    /// Attempts after the first.
    pub retry: Retry,
    /// The connection.
    pub http: Http,
    /// The cache.
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

/// `[cache]`: how long responses are cached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Cache {
    /// The list of users.
    pub users: CacheRule,
    /// The list of groups.
    pub groups: CacheRule,
    /// Each user's logins.
    pub logins: CacheRule,
    /// Time to live of users and logins while webhooks report changes: the longest time that a lost webhook goes unnoticed.
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
    /// Returns settings that cache nothing.
    pub fn off() -> Self {
        let off = CacheRule { ttl: Duration::ZERO, ..CacheRule::default() };
        Self { users: off.clone(), groups: off.clone(), logins: off, ..Self::default() }
    }
}

/// `[cache.users]`, `[cache.groups]`, `[cache.logins]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheRule {
    /// Time to live; `0s` caches nothing.
    #[serde(with = "human_duration")]
    pub ttl: Duration,
    /// Fraction of `ttl`, from 0.1 to 1, after which a read also refreshes the entry in the background, if the quota allows;
    /// 1 turns this off.
    pub refresh_at: f64,
    /// Time after `ttl` for which an expired entry is returned if the server cannot be reached, or by
    /// [`CachePolicy::StaleAllowed`](crate::CachePolicy::StaleAllowed).
    #[serde(with = "human_duration")]
    pub stale_if_error: Duration,
}

impl Default for CacheRule {
    fn default() -> Self {
        Self { ttl: Duration::from_mins(5), refresh_at: 0.8, stale_if_error: Duration::from_hours(24) }
    }
}

/// `[audit]`: the access review.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Audit {
    /// The time without a login after which a user is dormant. UltraCart keeps logins for 90 days.
    #[serde(with = "human_duration")]
    pub dormant_after: Duration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { dormant_after: Duration::from_hours(90 * 24) }
    }
}

const TTL: &str = "a time with a unit, up to `365d`, such as `5m`; `0s` remembers nothing";
const REFRESH_AT: &str = "a number from 0.1 to 1, such as `0.8`; `1.0` never reads ahead";
const STALE_IF_ERROR: &str =
    "a time with a unit, up to `365d`, such as `24h`; `0s` gives out nothing that is too old";

/// The values that each key of `[cache]` and `[audit]` takes, in words.
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
    ("cache.webhook_ttl", "a time with a unit, up to `1d`, such as `1h`; `0s` makes no difference"),
    ("audit.dormant_after", "a time with a unit, from `1d` to `3650d`, such as `90d`"),
];

impl Settings for Config {
    fn allowed() -> Vec<(&'static str, &'static str)> {
        [transport::Transport::allowed(), ALLOWED.to_vec()].concat()
    }

    fn check(&self, checks: &mut Checks) {
        self.clone().transport().check(checks);
        let rules = [&self.cache.users, &self.cache.groups, &self.cache.logins];
        for (name, rule) in ["users", "groups", "logins"].into_iter().zip(rules) {
            checks.within(&format!("cache.{name}.ttl"), &Human(rule.ttl), ..=Human(days(365)));
            checks.within(&format!("cache.{name}.refresh_at"), &rule.refresh_at, 0.1..=1.0);
            let stale_if_error = Human(rule.stale_if_error);
            checks.within(&format!("cache.{name}.stale_if_error"), &stale_if_error, ..=Human(days(365)));
        }
        checks.within("cache.webhook_ttl", &Human(self.cache.webhook_ttl), ..=Human(days(1)));
        let dormant_after = Human(days(1))..=Human(days(3650));
        checks.within("audit.dormant_after", &Human(self.audit.dormant_after), dormant_after);
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
    fn what_people_read_when_a_setting_is_wrong() {
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
        `cache.users.ttl` is 366d (file config.toml); it takes a time with a unit, up to `365d`, such as `5m`; `0s` remembers nothing
        `cache.users` is "5m" (file config.toml); it takes settings of its own: `[cache.users]` and then `key = value`
        `cache.user` is no setting (file config.toml); did you mean `cache.users`?
        `cache.logins.tll` is no setting (file config.toml); did you mean `cache.logins.ttl`?
        `cache.groups.refresh_at` is 0.05 (file config.toml); it takes a number from 0.1 to 1, such as `0.8`; `1.0` never reads ahead
        `cache.groups.refresh_at` is NaN (file config.toml); it takes a number from 0.1 to 1, such as `0.8`; `1.0` never reads ahead
        `cache.groups.refresh_at` is "80%" (file config.toml); it takes a number from 0.1 to 1, such as `0.8`; `1.0` never reads ahead
        `cache.users.stale_if_error` is 400d (file config.toml); it takes a time with a unit, up to `365d`, such as `24h`; `0s` gives out nothing that is too old
        `cache.webhook_ttl` is 2d (file config.toml); it takes a time with a unit, up to `1d`, such as `1h`; `0s` makes no difference
        `audit.dormant_after` is 0s (file config.toml); it takes a time with a unit, from `1d` to `3650d`, such as `90d`
        `audit.dormant_after` is 90 (file config.toml); it takes a time with a unit, from `1d` to `3650d`, such as `90d`
        `audits` is no section (file config.toml); did you mean `audit`?
        `limiter.spare` is -1 (file config.toml); it takes a whole number from 0 up, below the `burst` of every window
        "#);
    }

    /// Adds the keys of tables and of values, without positions in lists.
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
        // What the defaults leave out.
        config.auth.oauth = Some(Oauth::default());
        let windows = vec![Window::new(2, Duration::from_secs(1)).burst(1)];
        config.limiter.address_windows = Some(windows.clone());
        config.limiter.windows = windows;
        let (mut tables, mut values) = (BTreeSet::new(), BTreeSet::new());
        add_keys(&serde_json::to_value(&config).unwrap(), "", &mut tables, &mut values);
        assert!(values.len() > 30, "{values:?}");

        let allowed: BTreeSet<String> =
            Config::allowed().into_iter().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(allowed.len(), Config::allowed().len(), "no key has two texts");
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

    /// The file that documents every key says what the defaults are, and leaves none out.
    #[test]
    fn the_documented_file_is_the_defaults() {
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
            assert_eq!(is_set, matches!(setting.origin, Origin::File(_)), "{} is not set there", setting.key);
            assert!(
                is_set
                    || text.contains(&format!("# {name} = "))
                    || text.contains(&format!("# [{}]", setting.key)),
                "{}",
                setting.key
            );
        }
        // Also what stands there as a comment is right; of the three kinds of credentials one at a time.
        let is_setting = |line: &&str| line.starts_with('[') || line.contains(" = ");
        let lines: Vec<&str> =
            text.lines().map(|line| line.strip_prefix("# ").filter(is_setting).unwrap_or(line)).collect();
        for kind in ["simple_key", "simple_key_file", "oauth"] {
            let is_mine = |line: &&&str| match line.split(' ').next() {
                Some(key @ ("simple_key" | "simple_key_file")) => key == kind,
                Some("[auth.oauth]" | "client_id" | "refresh_token" | "refresh_token_file") => {
                    kind == "oauth"
                }
                _ => true,
            };
            let toml = lines.iter().filter(is_mine).copied().collect::<Vec<_>>().join("\n");
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("config.toml"), toml).unwrap();
            let loaded = Layers::new().file(folder.path().join("config.toml")).load::<Config>().unwrap();
            let set =
                loaded.settings.iter().filter(|setting| matches!(setting.origin, Origin::File(_))).count();
            assert!(set > documented.settings.len() - 5, "{kind}: {set}");
        }
    }
}
