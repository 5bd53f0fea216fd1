//! Web pages for people, server-rendered.
