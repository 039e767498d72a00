//! Who opens and clicks without reading: mail programs that fetch everything beforehand, scanners.

use std::time::Duration;

use crate::clock::Timestamp;

/// A click so soon after the hand-over is a scanner's: nobody reads as fast as that.
pub const SOON: Duration = Duration::from_secs(2);
/// So many different links of a message within [`TOGETHER`] are followed by a scanner.
const MANY: usize = 3;
const TOGETHER: Duration = Duration::from_secs(5);

/// Whether something opens or clicks that is no reader, by what it says of itself.
///
/// Apple's Mail Privacy Protection fetches all images beforehand and calls itself `Mozilla/5.0` and nothing else.
/// Proxies for images (Gmail's, Yahoo's) fetch them when somebody reads, and are readers.
pub fn is_machine(user_agent: &str) -> bool {
    const MACHINES: [&str; 22] = [
        "bot/",
        "bot;",
        "+http",
        "crawler",
        "spider",
        "barracuda",
        "proofpoint",
        "mimecast",
        "urldefense",
        "safelinks",
        "symantec",
        "trendmicro",
        "forcepoint",
        "sophos",
        "headlesschrome",
        "phantomjs",
        "curl/",
        "wget/",
        "python-",
        "go-http-client",
        "okhttp",
        "java/",
    ];
    let agent = user_agent.trim().to_ascii_lowercase();
    agent == "mozilla/5.0" || MACHINES.iter().any(|machine| agent.contains(machine))
}

/// The links of one message that were followed lately: who follows all of them at once reads none.
#[derive(Debug, Clone, Default)]
pub struct Bursts(Vec<(u64, Timestamp)>);

impl Bursts {
    /// Takes note that the link of this name was followed, and answers whether it is one of too many at once.
    pub fn follow(&mut self, link: u64, at: Timestamp) -> bool {
        self.0.retain(|(name, then)| *name != link && at.since(*then) <= TOGETHER);
        if self.0.len() < MANY {
            self.0.push((link, at));
            return self.0.len() >= MANY;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_tell_themselves() {
        for agent in [
            "Mozilla/5.0",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "python-requests/2.31",
            "Go-http-client/1.1",
            "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0",
        ] {
            assert!(is_machine(agent), "{agent}");
        }
        for agent in [
            "",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 10_3_3 like Mac OS X) AppleWebKit/603.3.8 Mobile/14G60",
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        ] {
            assert!(!is_machine(agent), "{agent}");
        }
    }

    #[test]
    fn who_follows_every_link_at_once_is_no_reader() {
        let at = |secs: i64| Timestamp::from_secs(1_700_000_000 + secs);
        let mut bursts = Bursts::default();
        let followed: Vec<bool> = [(1, 0), (1, 1), (2, 2), (3, 3), (4, 3), (1, 60), (2, 70), (3, 80)]
            .map(|(link, secs)| bursts.follow(link, at(secs)))
            .to_vec();
        assert_eq!(followed, [false, false, false, true, true, false, false, false]);
    }
}
