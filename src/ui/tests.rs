//! The screen as a whole: keys in, screens and effects out. No thread, no terminal, no clock.

mod behaviour;
mod discovery;
mod finding;
mod gallery;
mod jobs;
mod keys;
mod marking;
mod mouse;
mod places;
mod planning;
mod queueing;
mod random;
mod reading;
mod screens;
mod ways;
mod world;
