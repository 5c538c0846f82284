//! Training text out of a dataset of traces: which executions, in which style, how long, in which files.
//!
//! A request says what is wanted, and the same request over the same traces gives the same bytes. Start at
//! `rendering`; what an execution's text is like is the business of the crate `render`.

mod benchmarks;
mod card;
mod done;
mod error;
mod execution;
mod layout;
mod limit;
mod output;
mod parallel;
mod progress;
mod rendering;
mod request;
mod seal;
mod select;
mod share;
mod shuffle;
mod survey;
mod tally;

pub use benchmarks::BenchmarkError;
pub use error::RenderError;
pub use execution::execution;
pub use limit::{BadTokenizer, LengthLimit, Limit, Overlong, Unit};
pub use output::{Content, FileEntry, FileKind, Form, Message, Misfit, Record};
pub use progress::{Phase, Progress, Standing};
pub use rendering::{Conclusion, Rendering};
pub use request::{Examined, Options, Request};
pub use seal::{Report, Total};
pub use select::{Caps, LeftOut, Selection, Split};
pub use share::{BadShare, Share};
pub use tally::Tally;
