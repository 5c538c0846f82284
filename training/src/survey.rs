//! Looks at every execution once and keeps what selection needs to know.

use std::io::{self, BufReader, BufWriter, Write};

use dataset::{PartReader, Store};
use zstd::stream::{read::Decoder, write::Encoder};

use crate::error::{Halt, RenderError};
use crate::layout::survey_key;
use crate::progress::Watcher;
use crate::select::{Benchmarks, Glance};

/// Writes the glances at a part's executions.
pub(crate) fn survey(
    store: &Store,
    part: u64,
    traces: &PartReader,
    benchmarks: &Benchmarks,
    watcher: &dyn Watcher,
) -> Result<(), Halt> {
    let key = survey_key(part);
    let mut output = BufWriter::new(Encoder::new(store.create(&key)?, 1).expect("there is memory for zstd"));
    for stored in traces.whole_rows() {
        if watcher.is_stopped() {
            return Err(Halt::Stopped);
        }
        let stored = stored?;
        let written = Glance::at(&stored.row()?, benchmarks).write(&mut output);
        written.map_err(|cause| output.get_ref().get_ref().error(cause))?;
        watcher.done(1);
    }
    let flushed = output.flush();
    flushed.map_err(|cause| output.get_ref().get_ref().error(cause))?;
    let (encoder, _) = output.into_parts();
    let object = encoder.try_finish().map_err(|(encoder, cause)| encoder.get_ref().error(cause))?;
    Ok(object.finish()?)
}

/// Gives the glances at all executions in order. `rows` are the executions of each part.
pub(crate) fn scan(
    store: &Store,
    rows: &[u64],
    each: &mut dyn FnMut(u32, &Glance),
) -> Result<(), RenderError> {
    let mut member = 0;
    for (part, &rows) in rows.iter().enumerate() {
        let key = survey_key(part as u64);
        let damaged = |cause: io::Error| RenderError::Damaged { key: key.clone(), what: cause.to_string() };
        let object = store.read(&key)?;
        let decoder = Decoder::with_buffer(object.reader(0)).map_err(damaged)?;
        let mut input = BufReader::new(decoder);
        for _ in 0..rows {
            each(member, &Glance::read(&mut input).map_err(damaged)?);
            member += 1;
        }
    }
    Ok(())
}
