//! Expressions in the language of Prometheus, as far as a test has to read them: which metrics they name, and which times.

use std::collections::BTreeSet;

use anyhow::Context as _;

/// Words of the language that stand where a metric could.
const WORDS: [&str; 10] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"];
/// Words after which labels stand in parentheses.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// The units of times, in milliseconds; the longer spelling first.
const UNITS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
    ("y", 31_536_000_000),
];

/// A piece of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'e> {
    /// A name or a word.
    Word(&'e str),
    /// What stands in square brackets, without them.
    Span(&'e str),
    /// A number with whatever unit.
    Number(&'e str),
    /// Anything else, a text or a list of labels as one.
    Other(&'e str),
}

/// Takes an expression apart, without a loss.
fn pieces(expression: &str) -> anyhow::Result<Vec<Piece<'_>>> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
        let length = match first {
            '[' => closed(rest, ']')?,
            '{' => closed(rest, '}')?,
            '"' | '\'' | '`' => quoted(rest, first)?,
            c if named(c) => rest.find(|c| !named(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        found.push(match first {
            '[' => Piece::Span(&text[1..length - 1]),
            '0'..='9' => Piece::Number(text),
            c if named(c) => Piece::Word(text),
            _ => Piece::Other(text),
        });
        rest = after;
    }
    Ok(found)
}

/// How far it is to the end of a text in quotes.
fn quoted(text: &str, quote: char) -> anyhow::Result<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Ok(at + 1),
            _ => {}
        }
    }
    anyhow::bail!("a text does not end: {text}")
}

/// How far it is to the closing bracket; what texts hold does not count.
fn closed(text: &str, end: char) -> anyhow::Result<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += if matches!(c, '"' | '\'' | '`') { quoted(&text[at..], c)? } else { c.len_utf8() };
        if c == end {
            return Ok(at);
        }
    }
    anyhow::bail!("a bracket is not closed: {text}")
}

/// The metrics that an expression names.
pub(crate) fn metrics(expression: &str) -> anyhow::Result<BTreeSet<&str>> {
    let pieces: Vec<_> = pieces(expression)?
        .into_iter()
        .filter(|piece| !matches!(piece, Piece::Other(text) if text.trim().is_empty()))
        .collect();
    let mut found = BTreeSet::new();
    let mut in_list = false;
    for (at, piece) in pieces.iter().enumerate() {
        let next = pieces.get(at + 1);
        match piece {
            Piece::Word(word) if LISTS.contains(word) => in_list = next == Some(&Piece::Other("(")),
            Piece::Other(")") => in_list = false,
            // A function, or an aggregation whose labels come first.
            Piece::Word(_) if in_list || next == Some(&Piece::Other("(")) => {}
            Piece::Word(_) if matches!(next, Some(Piece::Word("by" | "without"))) => {}
            Piece::Word(word) if WORDS.contains(&word.to_lowercase().as_str()) => {}
            Piece::Word(word) => {
                found.insert(*word);
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The same expression over times that are so many times shorter. Numbers that are compared with stay as they are.
pub(crate) fn shortened(expression: &str, by: u64) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut shifted = false;
    for piece in pieces(expression)? {
        match piece {
            Piece::Span(span) => {
                // A subquery has two, the second of which may be left out.
                let times = span
                    .split(':')
                    .map(|time| if time.trim().is_empty() { Ok(time.to_owned()) } else { shorter(time.trim(), by) });
                out.push_str(&format!("[{}]", times.collect::<anyhow::Result<Vec<_>>>()?.join(":")));
            }
            Piece::Number(time) if shifted => out.push_str(&shorter(time, by)?),
            Piece::Word(text) | Piece::Number(text) | Piece::Other(text) => out.push_str(text),
        }
        match piece {
            Piece::Word(word) => shifted = word == "offset",
            Piece::Other(space) if space.trim().is_empty() || space == "-" => {}
            _ => shifted = false,
        }
    }
    Ok(out)
}

/// A time such as `1h30m`, so many times shorter.
pub(crate) fn shorter(time: &str, by: u64) -> anyhow::Result<String> {
    Ok(format!("{}ms", milliseconds(time)? / by))
}

/// A time such as `1h30m` in milliseconds.
pub(crate) fn milliseconds(time: &str) -> anyhow::Result<u64> {
    let mut sum = 0;
    let mut rest = time;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).with_context(|| format!("{time} has no unit"))?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, worth) = UNITS.iter().find(|(name, _)| *name == unit).with_context(|| format!("{time} is no time"))?;
        sum += number.parse::<u64>().with_context(|| format!("{time} is no time"))? * worth;
        rest = after;
    }
    Ok(sum)
}

#[test]
fn every_metric_that_an_expression_names_is_found_and_nothing_else() {
    for (expression, named) in [
        ("up == 0", vec!["up"]),
        (
            "sum by (le, job) (rate(a_bucket{x=~\"b{2}\"}[5m])) / ignoring(c) group_left (d) e:f:rate5m",
            vec!["a_bucket", "e:f:rate5m"],
        ),
        (
            "histogram_quantile(0.99, sum(rate(h_bucket[1m])) by (le)) > 0.25 unless on() g offset 5m > bool 1e3",
            vec!["g", "h_bucket"],
        ),
        ("absent(a) or vector(0) and on () (time() - b > 15 * 60)", vec!["a", "b"]),
        ("topk without (x) (1, count_over_time((a{b=\"c(\\\"\"} > 1)[1h:30s])) > Inf", vec!["a"]),
    ] {
        assert_eq!(metrics(expression).unwrap().into_iter().collect::<Vec<_>>(), named, "{expression}");
    }
    assert!(metrics("a{b=\"}").is_err() && metrics("a[5m").is_err());
}

#[test]
fn only_times_are_shortened() {
    for (expression, short) in [
        ("rate(a{b=\"[5m]\"}[5m]) > 300", "rate(a{b=\"[5m]\"}[10000ms]) > 300"),
        ("max_over_time(a[1h30m:]) offset 1m", "max_over_time(a[180000ms:]) offset 2000ms"),
        ("x:rate5m[3d:30s] offset -1h", "x:rate5m[8640000ms:1000ms] offset -120000ms"),
    ] {
        assert_eq!(shortened(expression, 30).unwrap(), short);
    }
    for nonsense in ["5", "m5", "5x", "5m3"] {
        assert!(milliseconds(nonsense).is_err(), "{nonsense}");
    }
}
