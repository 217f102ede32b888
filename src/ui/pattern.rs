//! Text looked for by `/`, `+` and `-`: a part of a line, or with `*` a pattern for the whole of it. Case does not count.

/// A text to look for, made ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The parts between the stars, lower case; a single one may be anywhere.
    parts: Vec<String>,
}

impl Pattern {
    /// Makes ready what a person typed.
    pub(crate) fn new(text: &str) -> Self {
        Self { parts: text.trim().to_lowercase().split('*').map(str::to_owned).collect() }
    }

    /// Whether a line fits.
    pub(crate) fn fits(&self, line: &str) -> bool {
        // Lists are long: the plain case needs no copy of each line.
        if let [part] = self.parts.as_slice()
            && part.is_ascii()
        {
            return contains(line.as_bytes(), part.as_bytes());
        }
        let line = line.to_lowercase();
        match self.parts.as_slice() {
            [] => true,
            [part] => line.contains(part.as_str()),
            [first, middle @ .., last] => glob(&line, first, middle, last),
        }
    }
}

fn glob(line: &str, first: &str, middle: &[String], last: &str) -> bool {
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether `line` contains `part` (lower-case ASCII), whatever its case.
fn contains(line: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let upper = first.to_ascii_uppercase();
    memchr::memchr2_iter(*first, upper, line)
        .any(|at| line.get(at..at + part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_a_person_expects() {
        for (pattern, line, fits) in [
            ("girders", "Re: GIRDERS again", true),
            ("grüße", "Viele GRÜSSE, GRÜßE", true),
            ("*girders", "Re: girders", true),
            ("*girders", "Re: girders again", false),
            ("re:*again", "Re: girders again", true),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxcxxb", false),
            ("*", "anything", true),
            ("x", "", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(line), fits, "{pattern} {line}");
        }
    }
}
