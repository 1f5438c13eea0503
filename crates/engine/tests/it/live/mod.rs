//! Live queries: who watches is shown what is new, and nothing else.

mod failures;
mod house;
mod moments;
mod nodes;
mod product;
mod sharing;
mod standing;
