//! Phone numbers: international ones (`+49 170 1234567`, `0049...`) anywhere; national ones in the forms people write (`(415) 555-2671`,
//! `0170 1234567`, `06 12 34 56 78`), and any number of the right length after a word such as `phone`.
//!
//! Dates, versions, prices and numbers of orders are made of digits too. So an international number needs a calling code that exists,
//! a national one separators and a form of its own, and neither follows a word such as `order`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{before, context, is_digit, is_word, separator};
use crate::sanitize::pseudonym::Letters;

/// Calling codes of one and two digits, and the first two digits of those with three (ITU-T E.164).
const CODES: &[&str] = &[
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
    "86", "90", "91", "92", "93", "94", "95", "98", "21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42",
    "50", "59", "67", "68", "69", "80", "85", "87", "88", "96", "97", "99",
];

static NORTH_AMERICA: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\([2-9][0-9]{2}\)[ \u{a0}-]?[2-9][0-9]{2}[-. \u{2010}-\u{2013}][0-9]{4}|[2-9][0-9]{2}[-\u{2010}-\u{2013}][2-9][0-9]{2}[-\u{2010}-\u{2013}][0-9]{4}|[2-9][0-9]{2}\.[2-9][0-9]{2}\.[0-9]{4}")
        .expect("a constant pattern")
});

/// A zero and an area code of three digits or more, then groups; or one of the forms with two digits (France, Italy, Australia).
static NATIONAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\(?0[1-9][0-9]{1,4}\)?(?:[ /\u{a0}\u{2009}-\u{2013}\u{202f}-]{1,3}[0-9]{2,8}){1,3}(?:-[0-9]{1,2})?|0[1-9](?:[ .\u{a0}\u{2009}\u{202f}][0-9]{2}){4}|",
        r"\(?0[1-9]\)?[ \u{a0}][0-9]{4}[ \u{a0}][0-9]{4}|0[1-9][ /-][0-9]{6,8}"
    ))
    .expect("a constant pattern")
});

/// A day as programs write it.
static DAY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:19|20)[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{2}").expect("a constant pattern"));

/// A number after a word that announces it.
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:\b(phone|telephone|tel|mobile|cell|cellphone|fax|whatsapp|signal|telefon|handy|mobil|mobilnummer|telefonnummer|t[ée]l[ée]phone|t[ée]l|",
        r"portable|tel[ée]fono|m[óo]vil|celular|cellulare|telefone|telem[óo]vel|телефон|тел)\b|(电话|手机|電話|携帯|전화)|\b(call|text|sms|ring|dial|reach)\b)",
        r"[^0-9\n+(]{0,24}([+(]?[0-9](?:[ ()./\u{a0}\u{2009}-\u{2013}\u{202f}-]{0,3}[0-9]){5,19})"
    ))
    .expect("a constant pattern")
});

/// What else numbers are numbers of.
const OTHERS: &[&str] = &[
    "order",
    "invoice",
    "ticket",
    "ref",
    "reference",
    "id",
    "no.",
    "nr.",
    "nr",
    "#",
    "version",
    "build",
    "serial",
    "sku",
    "case",
    "isbn",
    "issn",
    "doi",
    "account",
    "part",
    "item",
    "model",
    "order number",
    "bestellung",
    "bestellnummer",
    "rechnung",
    "rechnungsnummer",
    "commande",
    "facture",
    "pedido",
    "factura",
    "number",
    "port",
    "line",
    "page",
    "code",
];

pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    international(text, found);
    for number in NORTH_AMERICA.find_iter(text) {
        if stands_alone(text, number.range()) && !is_other(text, number.start()) {
            found.push(number.range());
        }
    }
    for number in NATIONAL.find_iter(text) {
        let digits = digits(number.as_str());
        let dated = DAY.is_match(number.as_str());
        if (9..=12).contains(&digits) && !dated && stands_alone(text, number.range()) && !is_other(text, number.start())
        {
            found.push(number.range());
        }
    }
    for captures in ANNOUNCED.captures_iter(text) {
        let Some(number) = captures.get(4) else { continue };
        let (of, weak) = (number.as_str(), captures.get(3).is_some());
        let separated = of.bytes().any(|b| !b.is_ascii_digit());
        let least = if weak && !separated { 9 } else { 7 };
        if (least..=15).contains(&digits(of)) && !is_date(of) && !is_word(text[number.end()..].chars().next()) {
            found.push(number.range());
        }
    }
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// After a plus, or after two zeros: a calling code and 8 to 15 digits in groups.
fn international(text: &str, found: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while from < bytes.len() {
        let (start, plus) = (from, bytes[from] == b'+');
        from += 1;
        let head = if plus { 1 } else { 2 };
        if !plus && !bytes[start..].starts_with(b"00") {
            continue;
        }
        let prev = before(text, start);
        // Two zeros within a number that is written in groups are no beginning.
        let within = matches!(prev, Some('.' | ',' | ':' | '-' | '+' | '/'))
            || (prev == Some(' ') && is_digit(before(text, start - 1)));
        if is_word(prev) || (!plus && within) {
            continue;
        }
        let Some((end, groups)) = groups(bytes, start + head) else { continue };
        let number = &text[start..end];
        let all = digits(&number[head..]);
        let decimal = groups == 2 && number.contains('.');
        let other = !plus && is_other(text, start);
        if (8..=15).contains(&all) && !decimal && !other && !is_word(text[end..].chars().next()) {
            found.push(start..end);
            from = end;
        }
    }
}

/// Where the groups of digits end that begin here, and how many there are. None when no calling code begins them.
fn groups(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    // `+ 49` and `+(49)` are written too.
    let opened = usize::from(bytes.get(start) == Some(&b'('));
    let first = start + opened;
    let code: Vec<u8> = bytes[first.min(bytes.len())..].iter().copied().filter(u8::is_ascii_digit).take(2).collect();
    let code = std::str::from_utf8(&code).ok()?;
    if !bytes.get(first).is_some_and(u8::is_ascii_digit) || !(CODES.contains(&code) || CODES.contains(&code.get(..1)?))
    {
        return None;
    }
    // A number of North America or Russia has eleven digits; what follows is something else.
    let most = if code.starts_with(['1', '7']) { 11 } else { 15 };
    let (mut at, mut end, mut count, mut groups) = (first, first, 0, 0);
    loop {
        let length = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        // A day after a number is none of it.
        let day = length == 4
            && bytes.len() >= at + 10
            && std::str::from_utf8(&bytes[at..at + 10]).is_ok_and(|t| DAY.is_match(t));
        if length == 0 || (groups > 0 && (day || count + length > most)) {
            break;
        }
        (count, groups, end) = (count + length, groups + 1, at + length);
        at = end;
        // Up to three separators: `) `, ` - `.
        let mut separators = 0;
        while separators < 3 {
            match (separator(bytes, at), bytes.get(at)) {
                (0, Some(b'.' | b'/' | b'(' | b')')) => at += 1,
                (0, _) => break,
                (length, _) => at += length,
            }
            separators += 1;
        }
        if separators == 0 {
            break;
        }
    }
    (groups > 0).then_some((end, groups))
}

/// Neither within a word nor within a longer number, date or version.
fn stands_alone(text: &str, range: Range<usize>) -> bool {
    let prev = before(text, range.start);
    let joined = matches!(prev, Some('-' | '.' | '/' | ',' | ':' | '+')) && is_word(before(text, range.start - 1));
    let rest = &text[range.end..];
    let next = rest.chars().next();
    let goes_on = matches!(next, Some('-' | '.' | '/' | ',' | ':')) && is_digit(rest[1..].chars().next());
    !is_word(prev) && !joined && !is_word(next) && !goes_on
}

/// Whether a word before it says that it is the number of something else.
fn is_other(text: &str, at: usize) -> bool {
    let words = context(text, at, 32);
    let words = words.trim_end_matches([' ', ':', '=', '"', '\'', '(', '#']);
    let hash = context(text, at, 2).contains('#');
    hash || OTHERS.iter().any(|other| words.strip_suffix(other).is_some_and(|rest| !is_word(rest.chars().next_back())))
        && !words.ends_with("phone number")
}

/// `01.02.2024`, `2024-05-01` and the like.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['.', '-', '/']).collect();
    let [a, b, c] = parts.as_slice() else { return false };
    let within = |part: &str, most: u32| part.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n));
    let year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    (year(a) && within(b, 12) && within(c, 31)) || (year(c) && within(a, 31) && within(b, 31))
}

/// With the same separators; what tells the country stays.
pub(super) fn pseudonym(value: &str, letters: &mut Letters<'_>) -> String {
    let stays = if value.starts_with('+') {
        3
    } else if value.starts_with("00") {
        4
    } else {
        2
    };
    let stays = value.char_indices().nth(stays).map_or(value.len(), |(at, _)| at).min(value.len() / 2);
    let stays = value.floor_char_boundary(stays);
    format!("{}{}", &value[..stays], letters.same_shape(&value[stays..]))
}
