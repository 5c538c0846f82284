//! How log records are written: for people as text, for machines as one JSON object a line.

use std::fmt;

use clap::ValueEnum;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// How log records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line, with the ids of the job, the shard and the worker that it is about.
    Json,
}

/// As it is written on a command line.
impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}

/// Where log records go, and which.
#[derive(Debug)]
pub struct Logs<W> {
    pub format: LogFormat,
    pub filter: EnvFilter,
    pub writer: W,
    /// Colour the text. JSON never is.
    pub colours: bool,
}

impl<W> Logs<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    pub(crate) fn layer<S>(self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
    {
        let Logs { format, filter, writer, colours } = self;
        match format {
            LogFormat::Text => tracing_subscriber::fmt::layer()
                .with_writer(writer)
                .with_ansi(colours)
                .with_filter(filter)
                .boxed(),
            // A record takes its ids from the span that it is in, so those spans are kept even where the filter
            // would let no record of their level through.
            LogFormat::Json => tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .with_writer(writer)
                .with_filter(filter.or(filter_fn(names_work).with_max_level_hint(LevelFilter::INFO)))
                .boxed(),
        }
    }
}

/// Spans that say what is being worked on. Libraries open theirs below this level.
pub(crate) fn names_work(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= Level::INFO
}
