//! What the stages agree on: keys, values and the rules of the stock protocol. Pure.
