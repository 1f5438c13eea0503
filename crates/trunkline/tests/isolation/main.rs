//! No caller reads or changes data of another organization, or beyond their role, whatever they call and over whatever
//! surface.
//!
//! No operation is named here: operations are read from the catalog, and their arguments are generated from schemas and
//! documents. Only the roles that may call each operation are written down, in `roles.txt`, so that they cannot change
//! unnoticed. `cargo xtask mutants` shows that these tests fail without each guard of the product.

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
