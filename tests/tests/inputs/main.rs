//! Executions that are found: functions with inputs of their own, and the cases that rows bring.

mod cases;
mod environments;
mod filters;
mod functions;
mod place;
mod verdicts;
