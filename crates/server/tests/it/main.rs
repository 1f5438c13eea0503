//! The surfaces, over a small product, on both databases. Each test is a promise of the product.

mod answers;
mod arguments;
mod convex;
mod document;
mod headers;
mod house;
mod judges;
mod limits;
mod notes;
mod panics;
mod replay;
mod typescript;
