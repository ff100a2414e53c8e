//! Float class `fast`: sessions in a child process, on a GPU where there is one.
