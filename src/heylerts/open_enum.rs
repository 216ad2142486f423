//! Enums that keep values they do not know.

/// Declares an enum over strings that the service may add to: known ones are variants, every other one is
/// kept unchanged.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $string:literal,)+ }) => {
        $(#[$about])*
        ///
        /// `From` takes every string, `parse` only the known ones, in any case. It serializes as its string.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)+
            /// A value that this crate does not know, as the service wrote it.
            Other(String),
        }

        impl $name {
            /// The values that this crate knows, in the order of the documentation.
            pub const KNOWN: &'static [$name] = &[$($name::$variant),+];

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

        impl From<&str> for $name {
            fn from(string: &str) -> $name {
                match string {
                    $($string => $name::$variant,)+
                    other => $name::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(string: String) -> $name {
                match $name::from(string.as_str()) {
                    $name::Other(_) => $name::Other(string),
                    known => known,
                }
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

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map($name::from)
            }
        }
    };
}

pub(crate) use open_enum;
