//! One file per subcommand: argument shapes and wiring, no engine logic.
