//! Enums that keep values they do not know.

/// Declares an enum over strings that the service may add to: known ones are variants, every other one is
/// kept unchanged.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $string:literal,)+ }) => {
        $(#[$about])*
        ///
        /// `parse` takes the known values alone, in any case, so that a command-line tool rejects a typing error.
        #[doc = concat!("[`from_string`](", stringify!($name), "::from_string) and deserialization take every string. It serializes as its string.")]
        /// Values are ordered as listed here; those that this crate does not know come last, by their strings.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A value that this crate does not know, as the service wrote it.
            Other(String),
        }

        impl $name {
            /// The values that this crate knows, in the order of the documentation.
            pub const KNOWN: &'static [$name] = &[$($name::$variant),+];

            /// Returns the value that the service writes as this string: a known one, or
            #[doc = concat!("[`Other`](", stringify!($name), "::Other).")]
            pub fn from_string(string: impl Into<String>) -> $name {
                let string = string.into();
                match string.as_str() {
                    $($string => $name::$variant,)+
                    _ => $name::Other(string),
                }
            }

            /// Returns whether this crate knows the value.
            pub fn is_known(&self) -> bool {
                !matches!(self, $name::Other(_))
            }

            /// Returns the value as the service writes it.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $string,)+
                    $name::Other(string) => string,
                }
            }
        }

        // No `From<&str>`: clap prefers it to `FromStr`, and would take every string.
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::error::Error;

            /// Returns the known value with this name, in any case.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](crate::ErrorKind::InvalidInput), with the known values, for every other string.
            fn from_str(string: &str) -> Result<$name, crate::error::Error> {
                let is_meant = |value: &&$name| value.as_str().eq_ignore_ascii_case(string);
                $name::KNOWN.iter().find(is_meant).cloned().ok_or_else(|| {
                    let known: Vec<&str> = $name::KNOWN.iter().map($name::as_str).collect();
                    let known = known.join(", ");
                    crate::error::Error::invalid(format!("{string:?} is not one of: {known}"))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl crate::json::FromScalar for $name {
            const EXPECTED: &'static str = String::EXPECTED;

            fn from_text(text: &str) -> Option<$name> {
                Some($name::from_string(text))
            }

            fn from_integer(number: i128) -> Option<$name> {
                String::from_integer(number).map($name::from_string)
            }

            fn from_float(number: f64) -> Option<$name> {
                String::from_float(number).map($name::from_string)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                crate::json::scalar(deserializer)
            }
        }
    };
}

pub(crate) use open_enum;
