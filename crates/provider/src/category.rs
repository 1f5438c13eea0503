//! `category!`: the explicit list of the vendors of one category.

/// Declares the vendors of one category: `provider::category! { payments: stripe::Stripe, polar::Polar }`.
///
/// Each vendor is a file beside the list. The macro declares the modules, `entries()` for the registry, and for each
/// vendor the tests `contract::<vendor>` and `fuzz::<vendor>`, for which a vendor implements
/// [`contract::Sample`](crate::contract::Sample) in its own tests.
#[macro_export]
macro_rules! category {
    ($category:ident: $($module:ident :: $vendor:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Returns the vendors of this category, for the registry.
        pub fn entries() -> Vec<$crate::VendorEntry> {
            vec![$($crate::VendorEntry::of::<$module::$vendor>(stringify!($category))),+]
        }

        #[cfg(test)]
        mod contract {
            $(
                #[test]
                fn $module() {
                    $crate::contract::check::<super::$module::$vendor>();
                }
            )+
        }

        #[cfg(test)]
        mod fuzz {
            $(
                #[test]
                fn $module() {
                    $crate::contract::fuzz::<super::$module::$vendor>();
                }
            )+
        }
    };
}
