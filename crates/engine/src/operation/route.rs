//! The REST routes of operations.

/// The HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Does something, or creates.
    Post,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The name in HTTP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A method and a path. `{customerId}` in the path is the argument of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// `/v1/customers/{customerId}`
    pub path: &'static str,
}

impl Route {
    /// Returns the arguments that are in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Reads `path`.
pub const fn get(path: &'static str) -> Route {
    Route { method: Method::Get, path }
}

/// Posts to `path`.
pub const fn post(path: &'static str) -> Route {
    Route { method: Method::Post, path }
}

/// Changes `path`.
pub const fn patch(path: &'static str) -> Route {
    Route { method: Method::Patch, path }
}

/// Removes `path`.
pub const fn delete(path: &'static str) -> Route {
    Route { method: Method::Delete, path }
}
