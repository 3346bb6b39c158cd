//! `Pacer` over Redis: the rate limits of a user, kept by all processes together.
