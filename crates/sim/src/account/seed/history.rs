//! Generated login histories.

use jiff::civil::Weekday;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use ultracart_model::UserLogin;

use super::rng::Rng;

const USER_AGENTS: [&str; 7] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
];

/// How often a user logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    Never,
    Rarely,
    Daily,
}

/// A login history that is generated each time it is read, so that 100,000 users need little memory.
#[derive(Clone, Debug)]
pub(crate) struct SeededHistory {
    pub(super) seed: u64,
    pub(super) habit: Habit,
    /// The user's index, from which the user's own IP addresses are computed.
    pub(super) address: u32,
    /// The number of a computer that the user shares with others, or `None`.
    pub(super) shared: Option<u8>,
}

impl SeededHistory {
    /// Generates the logins, newest first.
    pub(crate) fn logins(&self, login: &str, started_at: Timestamp) -> Vec<UserLogin> {
        let mut rng = Rng::new(self.seed, 1);
        let count = match self.habit {
            Habit::Never => 0,
            Habit::Rarely => 1 + rng.below(4),
            Habit::Daily => 12 + rng.below(36),
        };
        let agents = [rng.pick(&USER_AGENTS), rng.pick(&USER_AGENTS)];
        let mut times: Vec<_> =
            (0..count).filter_map(|_| office_hour(&mut rng, self.habit, started_at)).collect();
        times.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        let entry = |(_, text): (Timestamp, String)| {
            UserLogin::new()
                .login(login)
                .login_dts(text)
                .ip_address(self.address(&mut rng))
                .user_agent(if rng.below(5) == 0 { agents[1] } else { agents[0] })
        };
        times.into_iter().map(entry).collect()
    }

    /// Returns the IP address of one login. This is the address of the shared computer, or one of the user's
    /// own addresses. All addresses are in ranges that are reserved for documentation and benchmarks.
    fn address(&self, rng: &mut Rng) -> String {
        let [_, high, middle, low] = self.address.to_be_bytes();
        match (self.shared, rng.below(8)) {
            (Some(machine), 0..=3) => format!("203.0.113.{}", machine.max(1)),
            (_, 7) => format!("2001:db8:{high:x}:{middle:x}::{low:x}"),
            _ => format!("198.{}.{middle}.{low}", 18 + (high & 1)),
        }
    }
}

/// Returns a random time in the three months before `started_at`, and the same time as text. The time is
/// between 8 and 18 o'clock US Eastern time, and rarely on a weekend. Returns `None` if a `Timestamp` cannot
/// represent the time.
fn office_hour(rng: &mut Rng, habit: Habit, started_at: Timestamp) -> Option<(Timestamp, String)> {
    // A user with the habit `Rarely` has no login in the last month.
    let days = match habit {
        Habit::Rarely => 30 + rng.below(59),
        Habit::Never | Habit::Daily => 1 + rng.below(88),
    };
    let about = started_at.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()?;
    // Daylight saving time is taken to last from April to October.
    let hours = if (4..=10).contains(&Offset::UTC.to_datetime(about).month()) { -4 } else { -5 };
    let offset = Offset::constant(hours);
    let mut date = offset.to_datetime(about).date();
    if matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && rng.below(10) > 0 {
        date = date.nth_weekday(-1, Weekday::Friday).ok()?;
    }
    let small = |number: u8| i8::try_from(number).unwrap_or_default();
    let time = date.at(8 + small(rng.below(10)), small(rng.below(60)), small(rng.below(60)), 0);
    let at = offset.to_timestamp(time).ok()?;
    Some((at, format!("{time}-0{}:00", -hours)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_recent_in_office_hours_newest_first() {
        let started_at: Timestamp = "2024-11-05T02:30:00Z".parse().unwrap();
        let history = SeededHistory { seed: 7, habit: Habit::Daily, address: 77_777, shared: Some(3) };
        let logins = history.logins("egarcia", started_at);
        assert!(logins.len() >= 12);
        let mut newest = started_at;
        for login in &logins {
            let dts = login.login_dts.as_ref().unwrap();
            let at = dts.timestamp().unwrap();
            assert!(
                at <= newest && started_at.duration_since(at) < SignedDuration::from_hours(90 * 24),
                "{dts}"
            );
            let hour = dts.offset().unwrap().to_datetime(at).hour();
            assert!((8..18).contains(&hour), "{dts}");
            newest = at;
        }
        assert_eq!(logins, history.logins("egarcia", started_at));
    }
}
