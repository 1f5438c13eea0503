//! What every vendor must do, as tests that a category runs on each of its vendors.
