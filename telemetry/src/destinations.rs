//! Which collectors the environment names.

use std::env;

/// The variables of the OpenTelemetry specification that name a collector, for both signals and for each.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
/// Switches everything off, whatever else is set.
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// Addresses of collectors that speak OTLP over gRPC, for example `http://collector:4317`. `None`: not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations {
    pub spans: Option<String>,
    pub metrics: Option<String>,
}

impl Destinations {
    /// What the process's environment says.
    pub fn from_env() -> Destinations {
        Destinations::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Destinations {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Destinations::default();
        }
        let of = |signal: &str| set(signal).or_else(|| set(ENDPOINT));
        Destinations { spans: of(TRACES_ENDPOINT), metrics: of(METRICS_ENDPOINT) }
    }

    pub(crate) fn are_none(&self) -> bool {
        self.spans.is_none() && self.metrics.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], spans: Option<&str>, metrics: Option<&str>) {
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let expected = Destinations { spans: spans.map(str::to_owned), metrics: metrics.map(str::to_owned) };
        assert_eq!(Destinations::from_variables(variable), expected);
    }

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        check(&[], None, None);
        check(&[(ENDPOINT, "")], None, None);
        check(&[("OTEL_SERVICE_NAME", "et")], None, None);
    }

    #[test]
    fn one_address_serves_both_signals_and_each_can_have_its_own() {
        check(&[(ENDPOINT, "http://a")], Some("http://a"), Some("http://a"));
        check(&[(TRACES_ENDPOINT, "http://t")], Some("http://t"), None);
        check(&[(METRICS_ENDPOINT, "http://m")], None, Some("http://m"));
        check(&[(ENDPOINT, "http://a"), (METRICS_ENDPOINT, "http://m")], Some("http://a"), Some("http://m"));
    }

    #[test]
    fn what_is_disabled_is_not_sent() {
        check(&[(ENDPOINT, "http://a"), (DISABLED, "true")], None, None);
        check(&[(ENDPOINT, "http://a"), (DISABLED, "false")], Some("http://a"), Some("http://a"));
    }
}
