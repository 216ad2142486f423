//! A body before it was converted from one character encoding to another.

/// The characters that Windows-1252 has in place of the controls from 0x80 to 0x9F of Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Returns the body as UTF-8 if it is UTF-16, and as UTF-16 if it is UTF-8.
pub(super) fn utf16(body: &[u8]) -> Vec<Vec<u8>> {
    // JSON begins with an ASCII character, so one of its first two bytes is zero in UTF-16 without a mark.
    let is_utf16 = matches!(body, [0, _, ..] | [_, 0, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    match std::str::from_utf8(body) {
        _ if is_utf16 => [u16::from_le_bytes, u16::from_be_bytes]
            .into_iter()
            .filter_map(|unit| from_utf16(body, unit))
            .collect(),
        Ok("") | Err(_) => Vec::new(),
        Ok(text) => {
            let [plain, marked] = ["", "\u{feff}"].map(|mark| format!("{mark}{text}"));
            [plain, marked].iter().flat_map(|text| to_utf16(text)).collect()
        }
    }
}

fn to_utf16(text: &str) -> [Vec<u8>; 2] {
    let units = || text.encode_utf16();
    [units().flat_map(u16::to_le_bytes).collect(), units().flat_map(u16::to_be_bytes).collect()]
}

fn from_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let units: Vec<u16> = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes().to_vec())
}

/// Returns the body as UTF-8 if it is Latin-1 or Windows-1252; and if it is UTF-8, as the bytes that gave it when
/// they were taken for one of the two.
pub(super) fn latin1(body: &[u8]) -> Vec<Vec<u8>> {
    match std::str::from_utf8(body) {
        Ok(text) if text.is_ascii() => Vec::new(),
        Ok(text) => to_latin1(text).into_iter().collect(),
        Err(_) => {
            let latin1: String = body.iter().copied().map(char::from).collect();
            let windows: String = body.iter().copied().map(windows_1252).collect();
            vec![latin1.into_bytes(), windows.into_bytes()]
        }
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// Both at once: a character of one's upper half is none of the other's, controls aside.
fn to_latin1(text: &str) -> Option<Vec<u8>> {
    let byte = |letter: char| match u8::try_from(letter) {
        Ok(byte) => Some(byte),
        Err(_) => {
            let at = WINDOWS_1252.iter().position(|other| *other == letter)?;
            u8::try_from(0x80 + at).ok()
        }
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_both_encodings_is_restored() {
        let bytes: Vec<u8> = (0..=255).collect();
        for decoded in latin1(&bytes) {
            let text = String::from_utf8(decoded).expect("UTF-8");
            assert_eq!(to_latin1(&text), Some(bytes.clone()));
        }
        assert_eq!(to_latin1("€"), Some(vec![0x80]));
        assert_eq!(to_latin1("Ω"), None);
    }

    #[test]
    fn utf16_is_restored_in_either_byte_order_with_and_without_a_mark() {
        let text = r#"{"title":"é 😀"}"#;
        for converted in utf16(text.as_bytes()) {
            assert!(utf16(&converted).contains(&text.as_bytes().to_vec()), "{converted:?}");
        }
        assert_eq!(utf16(text.as_bytes()).len(), 4);
        assert!(utf16(b"\0\xd8\xd8\0").is_empty() && utf16(b"\xff").is_empty());
    }
}
