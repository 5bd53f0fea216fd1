//! The medicines domain: orders, cabinets, bedside, stock, cases; state and its fold.
