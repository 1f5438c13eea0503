//! Nobody sees or changes what is another organization's, or above their role, whatever they call and however they call it.
//!
//! Nothing here knows the operations: they are read from the catalog, and what they are called with is made from the
//! schemas of their arguments and the documents of the world. What people of a role may do is the one thing that is
//! written down, in `roles.txt`, so that it cannot change unnoticed. `cargo xtask mutants` shows that each guard of the
//! product is needed for this to pass.

mod arguments;
mod cursors;
mod events;
mod findings;
mod likeness;
mod outsiders;
mod replays;
mod roles;
mod sights;
mod surfaces;
mod wall;
mod watching;
mod world;
