//! How executions look to people (`list`, `beside`) and to scripts (`json`).

pub(crate) mod beside;
pub(crate) mod json;
pub(crate) mod list;
mod text;
