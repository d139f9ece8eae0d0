//! What can be an address, a password and a name.
//!
//! **What must always hold.** One person has one spelling: addresses are compared in small letters and have ASCII letters
//! only, because two texts that look the same would be two accounts. Nothing that is stored holds a control character.
//!
//! **What is deliberately absent.** Whether the address exists: only a letter to it could tell.

use protocol::ask::No;
use protocol::ask::people::{
    EMAIL_BYTES_MAX, NAME_CHARACTERS_MAX, PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, Password,
};

use crate::answer::invalid;

/// Longest part before the `@`, in bytes (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest part of a domain between dots, in bytes (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;
/// Longest issuer and longest subject of somebody else's, in bytes (OpenID Connect allows 255 for a subject).
const FOREIGN_BYTES_MAX: usize = 255;

/// An address in the one spelling that it is stored and compared in.
///
/// # Errors
/// [`No::Invalid`].
pub fn email(text: &str) -> Result<String, No> {
    if text.len() > EMAIL_BYTES_MAX {
        return Err(invalid("email", format!("at most {EMAIL_BYTES_MAX} bytes")));
    }
    let shaped = text.rsplit_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
    if !shaped {
        return Err(invalid("email", "an address as in name@example.com, in ASCII letters and without quotes"));
    }
    Ok(text.to_ascii_lowercase())
}

fn is_local(local: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    local.len() <= LOCAL_BYTES_MAX && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(letter))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

/// A password to be stored.
///
/// # Errors
/// [`No::Invalid`]; it does not say what was typed.
pub fn new_password(password: &Password) -> Result<(), No> {
    if password.0.chars().count() < PASSWORD_CHARACTERS_MIN {
        return Err(invalid("password", format!("at least {PASSWORD_CHARACTERS_MIN} characters")));
    }
    typed_password(password)
}

/// A password to be compared. A short one can be right: it may have been loaded as a hash.
///
/// # Errors
/// [`No::Invalid`]; it does not say what was typed.
pub fn typed_password(password: &Password) -> Result<(), No> {
    // Bytes first: a text of any length is not counted through.
    if password.0.len() > 4 * PASSWORD_CHARACTERS_MAX || password.0.chars().count() > PASSWORD_CHARACTERS_MAX {
        return Err(invalid("password", format!("at most {PASSWORD_CHARACTERS_MAX} characters")));
    }
    if password.0.chars().any(char::is_control) {
        return Err(invalid("password", "no control characters"));
    }
    Ok(())
}

/// A name for people; one of nothing but white space is none.
///
/// # Errors
/// [`No::Invalid`].
pub fn name(text: Option<&str>) -> Result<Option<String>, No> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > NAME_CHARACTERS_MAX {
        return Err(invalid("name", format!("at most {NAME_CHARACTERS_MAX} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid("name", "no control characters"));
    }
    Ok(Some(text.to_owned()))
}

/// Issuer or subject of somebody whom another has identified.
///
/// # Errors
/// [`No::Invalid`].
pub fn foreign(field: &str, text: &str) -> Result<(), No> {
    if text.is_empty() || text.len() > FOREIGN_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("1 to {FOREIGN_BYTES_MAX} bytes without control characters")));
    }
    Ok(())
}

/// What another issuer says somebody's address is, when it can be one. A strange address must not keep its owner out: they
/// are known by their subject.
#[must_use]
pub fn foreign_email(text: Option<&str>) -> Option<String> {
    text.and_then(|text| email(text).ok())
}

/// What another issuer says somebody is called, made to fit.
#[must_use]
pub fn foreign_name(text: Option<&str>) -> Option<String> {
    let fitting = text?.chars().filter(|letter| !letter.is_control()).take(NAME_CHARACTERS_MAX).collect::<String>();
    let fitting = fitting.trim();
    (!fitting.is_empty()).then(|| fitting.to_owned())
}

#[cfg(test)]
mod tests;
