//! Real calls over loopback: who is let in, who is not, and what they are told.

mod calls;
mod limits;
mod mistakes;
mod scene;
