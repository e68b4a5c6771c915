//! The crate as other programs use it, held to the shared vectors.

mod bill;
mod failure_table;
mod fold;
mod number_cases;
mod number_twin;
mod segment_laws;
mod segment_rules;
mod segment_vectors;
mod twin;
