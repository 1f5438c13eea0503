//! Live queries: who watches is shown what is new, and nothing else.

mod failures;
mod limits;
mod moments;
mod node;
mod nodes;
mod product;
mod sharing;
mod standing;
