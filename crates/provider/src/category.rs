//! `category!`: the explicit list of the vendors of one category.
