//! `TokenStore` over Redis: the tokens of a user, refreshed by one process at a time.
