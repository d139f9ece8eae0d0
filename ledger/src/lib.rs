//! Stage 3: orders become rows and balanced books.
