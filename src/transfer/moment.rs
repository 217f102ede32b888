//! Points in time on their way to another process: as milliseconds from now, negative for what was before. For serde.

use std::time::{Duration, Instant};

fn relative(moment: Instant) -> i64 {
    let now = Instant::now();
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    millis(moment.saturating_duration_since(now)) - millis(now.saturating_duration_since(moment))
}

fn absolute(millis: i64) -> Instant {
    let (now, away) = (Instant::now(), Duration::from_millis(millis.unsigned_abs()));
    let moment = if millis < 0 { now.checked_sub(away) } else { now.checked_add(away) };
    moment.unwrap_or(now)
}

/// A point in time.
pub(super) mod one {
    use std::time::Instant;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(in crate::transfer) fn serialize<S: Serializer>(moment: &Instant, to: S) -> Result<S::Ok, S::Error> {
        super::relative(*moment).serialize(to)
    }

    pub(in crate::transfer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        i64::deserialize(from).map(super::absolute)
    }
}

/// A point in time, where there may be none.
pub(super) mod maybe {
    use std::time::Instant;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over the field")]
    pub(in crate::transfer) fn serialize<S: Serializer>(moment: &Option<Instant>, to: S) -> Result<S::Ok, S::Error> {
        moment.map(super::relative).serialize(to)
    }

    pub(in crate::transfer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(super::absolute))
    }
}

/// A point in time with words, where there may be none.
pub(super) mod worded {
    use std::time::Instant;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over the field")]
    pub(in crate::transfer) fn serialize<S: Serializer>(
        moment: &Option<(Instant, String)>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        moment.as_ref().map(|(moment, words)| (super::relative(*moment), words)).serialize(to)
    }

    pub(in crate::transfer) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<(Instant, String)>, D::Error> {
        let worded = Option::<(i64, String)>::deserialize(from)?;
        Ok(worded.map(|(moment, words)| (super::absolute(moment), words)))
    }
}
