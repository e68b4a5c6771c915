//! The crate as other programs use it, held to the shared vectors.

mod failure_table;
mod segment_laws;
mod segment_vectors;
