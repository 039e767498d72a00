//! Where Amazon SNS is for a connection: in AWS, or at whatever stands for AWS there.

use std::time::Duration;

use async_trait::async_trait;
use courierx_providers::http::{BaseUrl, FetchError, Fetched, Http};
use courierx_providers::ses::{Certificates, stands_for_aws};
use url::Url;

use crate::model::provider_connections::Account;

/// The largest certificate, or answer to an agreement, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How long one is waited for: SNS waits 15 seconds for our answer to its callback.
const PATIENCE: Duration = Duration::from_secs(8);

/// Fetches what SNS refers to, from permitted addresses.
///
/// Where a connection has a `base_url` that is not Amazon's, the same paths are asked for there: who chose it chose who
/// speaks for that account, and for no other.
#[derive(Debug, Clone)]
pub(crate) struct Sns {
    http: Http,
    instead: Option<BaseUrl>,
}

impl Sns {
    /// In AWS.
    pub(crate) fn in_aws(http: &Http) -> Self {
        Self { http: http.clone(), instead: None }
    }

    /// Where an account has it.
    pub(crate) fn of(http: &Http, account: &Account) -> Self {
        let base = account.destination().and_then(|text| BaseUrl::new(text).ok());
        Self { http: http.clone(), instead: base.filter(stands_for_aws) }
    }

    /// Fetches what is at this URL, whose host was found to be one of SNS's.
    pub(crate) async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let url = match &self.instead {
            None => url.to_owned(),
            Some(base) => moved(base, url).ok_or(FetchError::Url)?,
        };
        self.http.fetch(&url, MAX_BYTES, PATIENCE).await
    }
}

/// The same path at another place.
fn moved(base: &BaseUrl, url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    Some(format!("{}{}{query}", base.as_str().trim_end_matches('/'), url.path()))
}

#[async_trait]
impl Certificates for Sns {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        self.get(url).await.map(|fetched| fetched.content).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_aws_is_asked_for_the_same() {
        let at = |base: &str, url: &str| moved(&BaseUrl::new(base).unwrap(), url).unwrap();
        let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=a";
        assert_eq!(
            at("http://127.0.0.1:4566/", url),
            "http://127.0.0.1:4566/?Action=ConfirmSubscription&Token=a"
        );
        let url = "https://sns.eu-west-1.amazonaws.com/a.pem";
        assert_eq!(at("https://gateway.example/aws", url), "https://gateway.example/aws/a.pem");
    }
}
