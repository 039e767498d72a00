//! Where it takes place: two vendors' APIs, emulated on this machine, of which one can be killed.

use std::fmt;
use std::io;
use std::time::Duration;

use courierx_core::provider::conformance::Received;
use courierx_core::router::{Connection, ConnectionId};
use courierx_providers::emulator::{Emulator, Fault};
use courierx_providers::http::{BaseUrl, Http};
use courierx_providers::{Postmark, SendGrid};

use super::{DemoError, plan::Plan};

/// Of both accounts.
const KEY: &str = "key-of-the-demonstration";
/// Hand-overs at once: the vendors here answer in a moment, and when one falls silent so many are in doubt.
const IN_FLIGHT: usize = 8;
/// How often, and how long each time, it is tried to listen again.
const TRIES: u32 = 10;
const TRY: Duration = Duration::from_millis(300);

/// A way to be dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody listens, and what was open is cut: certainly not sent, but for what was under way.
    Refuses,
    /// Requests are taken, and never answered: nobody knows.
    Hangs,
    /// Every answer is an error.
    Errors,
}

impl Failure {
    /// Another one, for the next time.
    pub(super) fn next(self) -> Self {
        match self {
            Self::Refuses => Self::Hangs,
            Self::Hangs => Self::Errors,
            Self::Errors => Self::Refuses,
        }
    }

    fn fault(self) -> Option<Fault> {
        match self {
            Self::Refuses => None,
            Self::Hangs => Some(Fault::Hang),
            Self::Errors => Some(Fault::Typed500),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuses => "refuses connections",
            Self::Hangs => "takes mail and never answers",
            Self::Errors => "answers with error 500",
        })
    }
}

/// Two vendors. They stop when this is dropped.
#[derive(Debug)]
pub(super) struct Stage {
    vendors: [Emulator; 2],
    failure: Option<Failure>,
}

impl Stage {
    /// What the connections are called, the preferred first.
    pub(super) const NAMES: [&'static str; 2] = ["sendgrid", "postmark"];

    pub(super) async fn start() -> io::Result<Self> {
        let vendors = [Emulator::sendgrid(KEY).start().await?, Emulator::postmark(KEY).start().await?];
        Ok(Self { vendors, failure: None })
    }

    /// Connections to them, with the breakers of the plan.
    pub(super) fn connections(&self, plan: &Plan) -> Result<Vec<Connection>, DemoError> {
        let http = Http::builder().connect_timeout(plan.patience).answer_timeout(plan.patience).build()?;
        let [primary, secondary] = &self.vendors;
        let id = |at: usize| Self::NAMES[at].parse::<ConnectionId>();
        let primary = SendGrid::new(KEY).base_url(BaseUrl::new(&primary.url())?).http(http.clone());
        let secondary = Postmark::new(KEY).base_url(BaseUrl::new(&secondary.url())?).http(http);
        let both = [Connection::new(id(0)?, primary), Connection::new(id(1)?, secondary)];
        let set_up =
            |connection: Connection| connection.with_breaker(plan.breaker).with_max_in_flight(IN_FLIGHT);
        Ok(both.map(set_up).into())
    }

    /// What is wrong with the primary.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Lets the primary fail.
    pub(super) async fn kill(&mut self, failure: Failure) {
        self.failure = Some(failure);
        self.vendors[0].fail(failure.fault());
        self.vendors[0].refuse_connections(failure == Failure::Refuses).await;
    }

    /// Lets the primary work again.
    pub(super) async fn revive(&mut self) -> Result<(), DemoError> {
        self.vendors[0].fail(None);
        for _ in 0..TRIES {
            // It listens at once, unless another program was given its port meanwhile.
            if tokio::time::timeout(TRY, self.vendors[0].refuse_connections(false)).await.is_ok() {
                self.failure = None;
                return Ok(());
            }
        }
        Err(DemoError::Port(self.vendors[0].address()))
    }

    /// How many messages each took.
    pub(super) fn taken(&self) -> [usize; 2] {
        [self.vendors[0].count(), self.vendors[1].count()]
    }

    /// What arrived at either since this was last asked.
    pub(super) fn arrived(&self) -> Vec<Received> {
        self.vendors.iter().flat_map(Emulator::drain_received).collect()
    }
}
