//! What a span of another process continues, as it travels over the wire.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// A span of another process that one of ours belongs to; or nothing, where that process sends no spans. It stands in
/// every assignment, so it is small where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parent(Option<Box<SpanContext>>);

impl Parent {
    /// A parent without a span.
    pub fn nothing() -> Parent {
        Parent(None)
    }

    pub(crate) fn of(trace: TraceId, span: SpanId) -> Parent {
        Parent(Some(Box::new(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE))))
    }

    /// Reads the value of a W3C `traceparent` header. Whatever is none is nothing: telemetry never stands in the
    /// way of work.
    pub fn from_traceparent(text: &str) -> Parent {
        Parent(parse(text).map(Box::new))
    }

    /// The value of a W3C `traceparent` header; empty if there is no parent.
    pub fn to_traceparent(&self) -> String {
        let Parent(Some(context)) = self else { return String::new() };
        format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
    }

    /// Makes `span` a part of it. To be called before the span is entered.
    pub fn adopt(&self, span: &Span) {
        if let Parent(Some(context)) = self {
            // It fails where nothing is recorded, which is then also where nothing is lost.
            let _ = span.set_parent(Context::new().with_remote_span_context(SpanContext::clone(context)));
        }
    }
}

fn parse(text: &str) -> Option<SpanContext> {
    let mut fields = text.split('-');
    let mut hex = |digits: usize| {
        let field = fields.next()?;
        let is_hex = field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (field.len() == digits && is_hex).then_some(field)
    };
    let version = hex(2)?;
    let trace = TraceId::from_hex(hex(32)?).ok()?;
    let span = SpanId::from_hex(hex(16)?).ok()?;
    let flags = u8::from_str_radix(hex(2)?, 16).ok()?;
    // Later versions may append fields to the four of the first.
    let is_whole = fields.next().is_none() || version != "00";
    let context = SpanContext::new(trace, span, TraceFlags::new(flags & 1), true, TraceState::NONE);
    (version != "ff" && is_whole && context.is_valid()).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_comes_back_as_it_went() {
        assert_eq!(Parent::from_traceparent(TEXT).to_traceparent(), TEXT);
        assert_eq!(Parent::from_traceparent("").to_traceparent(), "");
    }

    #[test]
    fn what_is_no_traceparent_is_no_parent() {
        for text in [
            "",
            "-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Parent::from_traceparent(text), Parent::nothing(), "{text}");
        }
    }

    #[test]
    fn later_versions_may_say_more() {
        let text = TEXT.replacen("00", "01", 1) + "-more";
        assert_eq!(Parent::from_traceparent(&text).to_traceparent(), TEXT);
    }
}
