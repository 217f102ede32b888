//! Settings that outlive a run. Nothing is kept yet: every run takes all it needs from its command line.
